"""Dynamic pruning in the Hugging Face Trainer: a sampler, a loss, and the state beside each checkpoint.

The Trainer shares out indices and skips those that were seen itself, so it gets the whole sampler.
"""

import json
from pathlib import Path

from torch.nn import functional
from transformers import Trainer, TrainerCallback


class PrunedTrainer(Trainer):
    """A Trainer of a classifier on `pruner.wrap(dataset)`, with `remove_unused_columns=False`."""

    def __init__(self, *words, pruner, **named):
        self.pruner = pruner
        super().__init__(*words, **named)
        self.add_callback(KeepState(pruner))

    def _get_train_sampler(self, train_dataset=None):
        return self.pruner.whole_sampler

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        index = inputs.pop("index", None)
        outputs = model(**inputs)
        losses = functional.cross_entropy(outputs.logits, inputs["labels"], reduction="none")
        loss = (self.pruner.observe(index, losses) if model.training else losses).mean()
        return (loss, outputs) if return_outputs else loss


class KeepState(TrainerCallback):
    """Writes the Pruner's state into every checkpoint."""

    def __init__(self, pruner):
        self.pruner = pruner

    def on_save(self, args, state, control, **named):
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        (folder / f"pruner-{args.process_index}.json").write_text(json.dumps(self.pruner.state_dict()))

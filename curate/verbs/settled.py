"""What a run settles once data and device are there: its precision, and a batch that has room.

A batch is halved until what training keeps of it fits.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from curate.networks.learner import Learner
from curate.networks.memory import largest_batch
from curate.networks.model import DEFAULT_MODEL, Hyperparameters
from curate.networks.precision import precision_for
from curate.progress import Progress
from curate.training.hyperparameters import augmentation_name


def on_device(hyperparameters: Hyperparameters, model: str, device: torch.device) -> Hyperparameters:
    """The hyperparameters with the precision that this model has on this device, where they leave it open."""
    return replace(hyperparameters, precision=precision_for(hyperparameters.precision, model, device))


def within_memory(
    hyperparameters: Hyperparameters, overrides: Mapping[str, Any] | None, learner: Learner
) -> Hyperparameters:
    """The hyperparameters with a batch that has room, unless the user set its size.

    With SGD the learning rate shrinks as the batch does (Goyal et al. 2017), unless the user set that.
    """
    given = {key for key, value in (overrides or {}).items() if value is not None}
    if "batch_size" in given:
        return hyperparameters
    size = largest_batch(learner, hyperparameters.batch_size)
    scales = hyperparameters.optimizer == "sgd" and "lr" not in given
    lr = hyperparameters.lr * (size / hyperparameters.batch_size if scales else 1)
    return replace(hyperparameters, batch_size=size, lr=lr)


def say_what_was_chosen(
    learner: Learner,
    named: str | None,
    own: Hyperparameters,
    chosen: Hyperparameters,
    takes: str,
    progress: Progress,
) -> None:
    """Before a long run, or where the images ask for more than the small model: what is trained, and how.

    `takes` is how long, in words, if that is long; why a batch is smaller than the model's `own` is said too.
    """
    height, width = learner.input_size
    if named is None and (takes or learner.model != DEFAULT_MODEL):
        augment = augmentation_name(chosen.augment, learner.n_channels)
        progress.note(
            f"model {learner.model}, the default for images of {width} x {height}: {chosen.n_epochs} epochs, "
            f"batches of {chosen.batch_size}, {chosen.optimizer} at {chosen.lr:g}, augmentation {augment}"
        )
    if chosen.batch_size < own.batch_size:
        progress.note(
            f"batches of {chosen.batch_size}, at a learning rate of {chosen.lr:g}: {own.batch_size} images "
            f"of {width} x {height} would not fit in memory; --batch-size and --lr say otherwise"
        )
    if takes:
        progress.note(f"training takes {takes} here")

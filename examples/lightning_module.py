"""Dynamic pruning in Lightning: it begins the epochs of the sampler itself, and keeps the Pruner's state.

python examples/lightning_module.py [FOLDER]
"""

import sys

import lightning
import torch
from sklearn.datasets import load_digits
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import curate


class Classifier(lightning.LightningModule):
    def __init__(self, pruner):
        super().__init__()
        self.pruner, self.net = pruner, torch.nn.Linear(64, 10)

    def training_step(self, batch, _):
        index, x, y = batch
        return self.pruner.observe(index, functional.cross_entropy(self.net(x), y, reduction="none")).mean()

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-2)

    def on_save_checkpoint(self, checkpoint):
        checkpoint["pruner"] = self.pruner.state_dict()

    def on_load_checkpoint(self, checkpoint):
        self.pruner.load_state_dict(checkpoint["pruner"])


def train(folder, epochs=10, stop=None, resume=None):
    images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
    dataset = TensorDataset(images.float() / 16, labels)
    pruner = curate.Pruner(len(dataset), policy="ema", keep=0.3, epochs=epochs, seed=0, labels=labels)
    loader = DataLoader(pruner.wrap(dataset), batch_size=64, sampler=pruner.sampler)
    lightning.seed_everything(0)
    trainer = lightning.Trainer(
        max_epochs=stop or epochs, use_distributed_sampler=False, logger=False, accelerator="cpu",
        reload_dataloaders_every_n_epochs=1, default_root_dir=folder,
    )  # fmt: skip
    trainer.fit(Classifier(pruner), loader, ckpt_path=resume)
    return pruner, trainer


if __name__ == "__main__":
    train("lightning")[0].save(sys.argv[1] if len(sys.argv) > 1 else "digits-ema")

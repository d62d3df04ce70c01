"""A training loop as a user writes one, in plain torch, around a Pruner; and ranks that are threads."""

import dataclasses
import threading

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from curate.networks import learner as learners
from curate.scores.signals import margins
from curate.training.optimizer import optimizer_of

CPU = torch.device("cpu")


@dataclasses.dataclass
class Loop:
    """A network, its optimizer and its data: what the network of `curate train` with this seed has."""

    data: object
    hyperparameters: object
    seed: int = 0
    width: int = 4

    def __post_init__(self):
        self.learner = learners.build("basic-cnn", {"width": self.width}, self.data, self.seed, CPU)
        images = torch.from_numpy(self.data.images.read(np.arange(len(self.data)))).permute(0, 3, 1, 2)
        self.labels = torch.from_numpy(self.data.labels)
        self.images = self.learner.normalized(self.learner.sized(images))
        self.optimizer = optimizer_of(self.learner.module.parameters(), self.hyperparameters)

    def losses(self, indices):
        """Losses and margins in evaluation mode."""
        self.learner.module.eval()
        with torch.inference_mode():
            logits, labels = self.learner.module(self.images[indices]), self.labels[indices]
            found = functional.cross_entropy(logits, labels, reduction="none")
        self.learner.module.train()
        return found, margins(logits, labels)

    def loader(self, pruner, workers=0):
        return DataLoader(
            pruner.wrap(TensorDataset(self.images, self.labels)),
            batch_size=self.hyperparameters.batch_size,
            sampler=pruner.sampler,
            num_workers=workers,
        )

    def step(self, pruner, index, x, y):
        logits = self.learner.module(x)
        losses = functional.cross_entropy(logits, y, reduction="none")
        loss = pruner.observe(index, losses, logits).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()

    def epoch(self, pruner, epoch, loader, stop=None):
        """Train an epoch, or the first `stop` batches of it."""
        pruner.set_epoch(epoch)
        self.learner.module.train()
        for place, batch in enumerate(loader):
            if place == stop:
                break
            self.step(pruner, *batch)

    def train(self, pruner):
        loader = self.loader(pruner)
        for epoch in range(pruner.n_epochs):
            self.epoch(pruner, epoch, loader)
        return learners.weights_sha256(self.learner)


class Threads:
    """Ranks that are threads of this process: `of(size)` gives one for each."""

    def __init__(self, rank, size, barrier, table):
        self.rank, self.size, self._barrier, self._table = rank, size, barrier, table
        self.gathers = 0

    @classmethod
    def of(cls, size):
        barrier, table = threading.Barrier(size, timeout=30), [None] * size
        return [cls(rank, size, barrier, table) for rank in range(size)]

    def gather(self, arrays):
        self._table[self.rank] = [np.array(one) for one in arrays]
        self._barrier.wait()
        told = [[one.copy() for one in part] for part in self._table]
        self._barrier.wait()
        self.gathers += 1
        return told


def together(ranks, work):
    """What each rank's work returns; the first error of any is raised."""
    results, errors = [None] * len(ranks), []

    def run(place, rank):
        try:
            results[place] = work(rank)
        except BaseException as problem:  # noqa: BLE001  raised below
            errors.append(problem)
            rank._barrier.abort()

    threads = [threading.Thread(target=run, args=(place, rank)) for place, rank in enumerate(ranks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise next((one for one in errors if not isinstance(one, threading.BrokenBarrierError)), errors[0])
    return results

"""What the loop sees of its samples: losses and margins of training, and passes in evaluation mode.

A pass is without augmentation and at a fixed batch size, so that the same weights give the same bits.
"""

import torch
from torch.nn import functional

from curate.data.identity import Indices
from curate.networks.learner import Learner
from curate.scores.signals import margins
from curate.selection.observer import all_observed
from curate.selection.policy import Losses
from curate.training.batches import Batches
from curate.training.book import Book
from curate.training.evaluate import evaluation_batch, own_batches
from curate.world import ALONE, World


class NetworkSight:
    """The sight of one network; `available` are the samples that exist, and `guarded` asks for margins."""

    def __init__(
        self,
        learner: Learner,
        data: Batches,
        available: Indices,
        book: Book,
        *,
        guarded: bool,
        ranks: World = ALONE,
    ) -> None:
        self._learner, self._data, self._available = learner, data, available
        self._book, self._guarded, self._ranks = book, guarded, ranks
        self.latest, self.forget, self.mean_margins = book.losses, book.forget, book.mean_margins

    def full_pass(self, epoch: int) -> Losses:
        """The loss of every sample that exists, float32 `[n]`, and NaN for the others; notes their margins.

        Before the first epoch there is nothing to note: margins of untrained weights say nothing.
        """
        by_row = torch.full((self._data.n,), torch.nan, device=self._data.device)
        size = evaluation_batch(self._learner)
        own = own_batches(self._available, size, self._ranks)
        self._learner.module.eval()
        with torch.inference_mode():
            for rows, images, labels in self._data.plain(own, size):
                logits = self._learner.logits(images)
                by_row[rows] = functional.cross_entropy(logits, labels, reduction="none")
                if self._guarded and epoch > 0:
                    self._book.add_margins(rows, margins(logits, labels))
        losses = by_row.cpu().numpy()
        if self._ranks.size > 1:
            for rows_of, losses_of in self._ranks.gather([own, losses[own]]):
                losses[rows_of] = losses_of
            self._book.share(own, self._ranks)
        return all_observed(losses, self._available)

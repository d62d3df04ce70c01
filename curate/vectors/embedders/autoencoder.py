"""autoencoder: the code from which a small convolutional network redraws an image best.

Two strided convolutions and a linear layer down to `dim` numbers, the mirror of it back up, trained
with Adam on the squared error of the pixels. Runs on a GPU where there is one; ranks share out every batch.
Source: Masci et al. 2011.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from curate import world
from curate.data.dataset import Dataset
from curate.errors import CurateError
from curate.networks.optimizers import Adam, step_together
from curate.rng import rng, stream_seed
from curate.vectors.embedder import Fitted, Vectorized, Work

if TYPE_CHECKING:
    from torch import Tensor, nn

_BATCH = 1024
_ERRORS = "errors"  # beside the tensors of the encoder, whose names have dots
_WINDOW = 100  # steps over which the error is averaged
_LEAST = {"lr": (5e-324, "more than 0"), "tolerance": (0, "0 or more")}


@dataclass(frozen=True)
class Autoencoder:
    """`width` is the number of channels of the first convolution; the second has twice as many.

    It trains for `n_steps`, or until a hundred of them bring the error down by less than `tolerance` of it.
    """

    n_steps: int = 2000
    tolerance: float = 0.01
    width: int = 16
    batch_size: int = 128
    lr: float = 1e-3

    def __call__(self, dataset: Dataset, dim: int | None, work: Work) -> Vectorized:
        import torch

        wanted = 32 if dim is None else dim
        for name, value in {"dim": wanted, **asdict(self)}.items():
            least, words = _LEAST.get(name, (1, "1 or more"))
            if not least <= value < float("inf"):
                raise CurateError(f"{name}={value} is out of range: use {words}")
        n, shape = len(dataset), dataset.images.shape

        def batch(rows: npt.NDArray[np.int64]) -> torch.Tensor:
            images = torch.from_numpy(dataset.images.read(rows)).to(work.device)
            return images.permute(0, 3, 1, 2).float() / 255

        with torch.random.fork_rng():
            torch.manual_seed(stream_seed(work.seed, "autoencoder"))
            encoder, decoder = self._build(shape, wanted)
        encoder, decoder = encoder.to(work.device), decoder.to(work.device)

        def fit() -> Fitted:
            errors = self._train(encoder, decoder, batch, n, work)
            learned = {name: value.cpu().numpy() for name, value in encoder.state_dict().items()}
            return {**learned, _ERRORS: errors.cpu().numpy()}

        learned = {name: torch.from_numpy(value) for name, value in work.fitted(fit).items()}
        errors = learned.pop(_ERRORS)
        encoder.load_state_dict(learned)
        mean_error = round(float(errors[-_WINDOW:].mean()), 8)

        def chunks(start: int, stop: int) -> Iterator[npt.NDArray[np.float32]]:
            with torch.no_grad():
                for first in range(start, stop, _BATCH):
                    yield encoder(batch(np.arange(first, min(first + _BATCH, stop)))).cpu().numpy()

        return Vectorized(chunks, wanted, {"n_steps": len(errors), "mean_squared_error": mean_error})

    def _train(
        self,
        encoder: "nn.Module",
        decoder: "nn.Module",
        batch: "Callable[[npt.NDArray[np.int64]], Tensor]",
        n: int,
        work: Work,
    ) -> "Tensor":
        """Train both; returns the squared error of each step."""
        import torch
        from torch import nn

        parameters, ranks = [*encoder.parameters(), *decoder.parameters()], world.here()
        optimizer = Adam(parameters, lr=self.lr)
        errors: list[Tensor] = []
        means: list[float] = []  # of every hundred steps
        with work.progress.task("train autoencoder", self.n_steps, "steps"):
            for step, rows in zip(range(self.n_steps), self._batches(n, work.seed), strict=False):
                images = batch(rows[slice(*world.share(len(rows)))])
                if ranks.size > 1:
                    wrong = (decoder(encoder(images)) - images).square().flatten(1).mean(1)
                    loss = step_together(parameters, optimizer, wrong, ranks)
                else:
                    loss = nn.functional.mse_loss(decoder(encoder(images)), images)
                    optimizer.zero_grad(set_to_none=True)
                    loss.backward()
                    optimizer.step()
                errors.append(loss.detach())
                if step % 20 == 0:  # reading the loss waits for a GPU
                    work.progress.advance(0, loss=float(loss.detach()))
                work.progress.advance()
                if (step + 1) % _WINDOW == 0:
                    means.append(float(torch.stack(errors[-_WINDOW:]).mean()))
                    if len(means) > 1 and means[-1] > (1 - self.tolerance) * means[-2]:
                        break
        return torch.stack(errors)

    def _batches(self, n: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
        """Batches of rows without end, every epoch in an order of its own."""
        for epoch in itertools.count():
            order = rng(seed, "autoencoder order", epoch).permutation(n)
            for start in range(0, n, self.batch_size):
                yield order[start : start + self.batch_size]

    def _build(self, shape: tuple[int, int, int], dim: int):  # type: ignore[no-untyped-def]  # lazy torch
        from torch import nn

        height, width, channels = shape
        half = ((height + 1) // 2, (width + 1) // 2)
        quarter = ((half[0] + 1) // 2, (half[1] + 1) // 2)
        deep = 2 * self.width
        encoder = nn.Sequential(
            nn.Conv2d(channels, self.width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(self.width, deep, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(deep * quarter[0] * quarter[1], dim),
        )
        decoder = nn.Sequential(
            nn.Linear(dim, deep * quarter[0] * quarter[1]),
            nn.ReLU(),
            nn.Unflatten(1, (deep, *quarter)),
            nn.Upsample(half),
            nn.Conv2d(deep, self.width, 3, padding=1),
            nn.ReLU(),
            nn.Upsample((height, width)),
            nn.Conv2d(self.width, channels, 3, padding=1),
            nn.Sigmoid(),
        )
        return encoder, decoder

"""features: what the last layer of a trained network sees, the input of its final linear layer.

The network is a torchvision model with ImageNet weights (`weights=torchvision`) or with those of a local
file, or a model that `curate train` saved (`weights=FOLDER`). For torchvision models images are resized to
`input_size` and normalised as ImageNet; for our own as in their training.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError

import numpy as np
import numpy.typing as npt

from curate.artifacts.kinds import kind_of
from curate.data.dataset import Dataset
from curate.errors import CurateError
from curate.finder import nearest
from curate.vectors.embedder import Vectorized, Work

if TYPE_CHECKING:
    from torch import Tensor, nn

_BATCH = 256
_TORCHVISION = "torchvision"
_IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


@dataclass(frozen=True)
class Features:
    """`model` is torchvision's name (empty: resnet18); `weights`: `torchvision`, a file, or a folder."""

    model: str = ""
    weights: str = _TORCHVISION
    input_size: int = 224

    def __post_init__(self) -> None:
        if self.input_size < 1:
            raise CurateError(f"input_size={self.input_size} is too small: use 1 or more pixels")
        if self.weights != _TORCHVISION and not Path(self.weights).exists():
            raise CurateError(
                f"there are no weights at {self.weights}: name a file, a folder that `curate train` wrote, "
                "or torchvision"
            )

    def __call__(self, dataset: Dataset, dim: int | None, work: Work) -> Vectorized:
        import torch

        from curate.networks.weights import sha256_of

        network, prepare, name = self._network(dataset, work)
        network = network.to(work.device).eval()
        head = _last_linear(network, name)
        seen: list[Tensor] = []
        head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        width = head.in_features
        if dim is not None and dim != width:
            raise CurateError(
                f"dim={dim} does not fit: the last layer of {name} takes {width} numbers; omit --dim"
            )

        def chunks(start: int, stop: int) -> Iterator[npt.NDArray[np.float32]]:
            with torch.inference_mode():
                for first in range(start, stop, _BATCH):
                    rows = np.arange(first, min(first + _BATCH, stop))
                    images = torch.from_numpy(dataset.images.read(rows)).to(work.device)
                    seen.clear()
                    try:
                        network(prepare(images.permute(0, 3, 1, 2)))
                    except RuntimeError as problem:
                        reason = " ".join(str(problem).split())[:120]
                        raise CurateError(f"{name} does not take these images ({reason})") from None
                    yield seen[0].flatten(1).float().cpu().numpy()

        known = {} if self.weights == _TORCHVISION else {"weights": sha256_of(network.state_dict())}
        return Vectorized(chunks, width, {"model": name, **known})

    def _network(self, dataset: Dataset, work: Work) -> "tuple[nn.Module, Callable[[Tensor], Tensor], str]":
        """The network, how to prepare uint8 images `[b, c, h, w]` for it, and its name."""
        import torch

        from curate.artifacts.saved_model import SAVED
        from curate.networks.learner import load

        path = Path(self.weights)
        saved = path / SAVED if path.is_dir() else path
        if kind_of(saved) == "model":
            learner = load(saved, torch.device(work.device), self.model or None)
            if learner.n_channels != dataset.images.shape[2]:
                raise CurateError(
                    f"{saved} was trained on {learner.n_channels} channels, {dataset.reference} has "
                    f"{dataset.images.shape[2]}: use --channels {learner.n_channels}"
                )
            return learner.module, lambda images: learner.normalized(learner.sized(images)), learner.model
        name = self.model or "resnet18"
        return self._torchvision(path, name), self._prepare, name

    def _torchvision(self, path: Path, name: str) -> "nn.Module":
        from torchvision import models

        from curate.networks.weights import read_state

        if name not in models.list_models(models):
            raise CurateError(
                f"torchvision has no model '{name}': {nearest(name, models.list_models(models))}"
            )
        try:
            if self.weights == _TORCHVISION:
                with redirect_stdout(sys.stderr):  # torch announces downloads on stdout
                    return models.get_model(name, weights="DEFAULT")
            state = read_state(path)
            matrices = [value for value in state.values() if getattr(value, "ndim", 0) == 2]
            if not matrices:
                raise CurateError(f"{path} has no linear layer: it is no state dict of {name}")
            network = models.get_model(name, num_classes=len(matrices[-1]))
            network.load_state_dict(state)
        except (URLError, ConnectionError, TimeoutError) as problem:
            raise CurateError(
                f"the weights of {name} could not be downloaded ({problem}): "
                "use --set weights=FILE, or a folder that `curate train` wrote"
            ) from None
        except RuntimeError as problem:
            reason = " ".join(str(problem).split())[:120]
            raise CurateError(
                f"{path} does not fit {name} ({reason}): name its model with --set model="
            ) from None
        return network

    def _prepare(self, images: "Tensor") -> "Tensor":
        import torch
        from torch.nn import functional

        floats = images.float() / 255
        size = (self.input_size, self.input_size)
        if tuple(floats.shape[2:]) != size:
            floats = functional.interpolate(
                floats, size, mode="bilinear", align_corners=False, antialias=True
            )
        mean, std = (torch.tensor(values, device=images.device).view(1, 3, 1, 1) for values in _IMAGENET)
        return (floats.expand(-1, 3, -1, -1) - mean) / std


def _last_linear(network: "nn.Module", name: str) -> "nn.Linear":
    from torch import nn

    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise CurateError(f"{name} has no linear layer to take features from: use another model")
    return layers[-1]

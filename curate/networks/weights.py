"""Weights that a network starts from: a file of them, or the folder of a `curate train`.

What a file holds is tensors by name; code in it is never run.
"""

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from curate.artifacts.saved_model import SAVED, check_weights
from curate.errors import CurateError


@dataclass(frozen=True)
class Weights:
    """Tensors by name, as they were read from `path`."""

    path: Path
    tensors: Mapping[str, Tensor]

    @cached_property
    def digest(self) -> str:
        """Equal only for equal names and bits."""
        return sha256_of(self.tensors)

    def header(self) -> dict[str, str]:
        """How a header tells of them."""
        return {"weights": self.path.name, "digest": self.digest}

    def put_into(self, network: nn.Module, name: str) -> None:
        """Give the network called `name` these weights, but for those that `left_as_drawn` tells."""
        own = network.state_dict()
        if own.keys() != self.tensors.keys():
            lacking, more = sorted(own.keys() - self.tensors.keys()), sorted(self.tensors.keys() - own.keys())
            differs = f"it has no {lacking[0]}" if lacking else f"{name} has no {more[0]}"
            raise CurateError(
                f"{self.path} holds weights of another network than {name}: {differs} "
                f"({len(lacking)} tensors are missing, {len(more)} are too many)"
            )
        for key, tensor in self.tensors.items():
            if tensor.shape[1:] != own[key].shape[1:] or tensor.ndim != own[key].ndim:
                raise CurateError(
                    f"{self.path} holds weights of another network than {name}: {key} is "
                    f"{list(tensor.shape)}, and here {list(own[key].shape)}"
                )
        left = self.left_as_drawn(network)
        if len(left) == len(own):
            raise CurateError(f"{self.path} fits no layer of {name}: it is of another network")
        kept = {key: tensor for key, tensor in self.tensors.items() if key not in left}
        network.load_state_dict(kept, strict=False)

    def left_as_drawn(self, network: nn.Module) -> list[str]:
        """The tensors that are here for another number of classes: those of the layer that tells classes."""
        own = network.state_dict()
        return [key for key, tensor in self.tensors.items() if tensor.shape != own[key].shape]

    def in_words(self, network: nn.Module) -> str:
        """What the network starts from, for the user."""
        left = self.left_as_drawn(network)
        if not left:
            return f"starts from {self.path}"
        return f"starts from {self.path}, but for {', '.join(left)}: the number of classes is another"


def open_weights(path: str | Path) -> Weights:
    """Weights of a file, `.safetensors` or a state dict that torch saved, or of the folder of a run."""
    path = Path(path)
    return Weights(path, read_state(path / SAVED if path.is_dir() else path))


def read_state(path: Path) -> dict[str, Tensor]:
    """A state dict from a file; code in it is never run. Where its hash lies beside it, it is that file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise CurateError(
            f"there are no weights at {path}: name a file, .safetensors or .pth, or a `curate train` folder"
        )
    check_weights(path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
        state = state.get("state_dict", state)
        if not all(isinstance(value, Tensor) for value in state.values()):
            raise TypeError("more than tensors")
    except (
        SafetensorError,
        OSError,
        EOFError,
        pickle.UnpicklingError,
        RuntimeError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        MemoryError,
    ) as problem:
        raise CurateError(
            f"{path} is not a file of weights ({type(problem).__name__}): "
            "use a state dict in .safetensors or .pth, or a `curate train` folder"
        ) from None
    return dict(state)


def sha256_of(tensors: Mapping[str, Tensor]) -> str:
    """sha256 over names and tensors, in order of name: equal only for equal bits."""
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(value.contiguous().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()

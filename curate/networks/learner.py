"""A network together with what it needs to be used: model, classes, input size, normalization.

Weights are saved as safetensors whose metadata says all of that, so `embed --method features` can use
them and nobody has to guess how images were prepared.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from curate import finder
from curate.artifacts.header import canonical
from curate.artifacts.kinds import MODEL
from curate.artifacts.reading import damage_as_one_line
from curate.artifacts.saved_model import about_model, check_weights
from curate.data.dataset import Dataset
from curate.errors import CurateError, DamagedError
from curate.networks.model import Hyperparameters, Model
from curate.networks.precision import autocast, layout, precision_for
from curate.networks.weights import Weights, sha256_of
from curate.outside import called
from curate.rng import stream_seed

_STATISTICS_FROM = 16_384
_CHUNK = 1024


@dataclass(frozen=True)
class Normalization:
    """Mean and standard deviation per channel, of pixels scaled to 0..1."""

    mean: list[float]
    std: list[float]


@dataclass(frozen=True)
class Learner:
    """A network on its device, with its preparation of images; `hyperparameters` are its model's own."""

    module: nn.Module
    model: str
    options: dict[str, Any]
    n_channels: int
    classes: list[str]
    input_size: tuple[int, int]
    normalization: Normalization
    device: torch.device
    precision: str = "fp32"
    hyperparameters: Hyperparameters = Hyperparameters()

    def sized(self, images: Tensor) -> Tensor:
        """uint8 images `[batch, c, h, w]` at the network's input size."""
        if tuple(images.shape[2:]) == self.input_size:
            return _plain_layout(images)
        floats = functional.interpolate(
            images.float(), self.input_size, mode="bilinear", align_corners=False, antialias=True
        )
        return _plain_layout(floats.round_().clamp_(0, 255).to(torch.uint8))

    def normalized(self, images: Tensor, room: Tensor | None = None) -> Tensor:
        """uint8 images on the device as float32 with mean 0 and deviation 1 per channel.

        They are written to `room`, of the same shape, where there is one.
        """
        floats = images.to(torch.float32) if room is None else room.copy_(images)
        floats = floats.sub_(self._mean).div_(self._std)
        if self.precision == "bf16":
            return floats.contiguous(memory_format=layout(self.precision))
        return floats

    @cached_property
    def _mean(self) -> Tensor:
        return torch.tensor(self.normalization.mean, device=self.device).view(1, -1, 1, 1) * 255

    @cached_property
    def _std(self) -> Tensor:
        return torch.tensor(self.normalization.std, device=self.device).view(1, -1, 1, 1) * 255

    def logits(self, images: Tensor) -> Tensor:
        """Logits float32 `[batch, classes]`, computed in the learner's precision."""
        with autocast(self.device, self.precision):
            logits: Tensor = self.module(images)
        return logits.float()


def choose_device(name: str | None = None) -> torch.device:
    """The device to compute on: the one named, else a GPU where there is one."""
    if name in (None, "auto"):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(str(name))
    except RuntimeError:
        raise CurateError(f"device={name} is unknown: use cpu, cuda or cuda:1") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise CurateError(f"device={name} is not there: torch sees no GPU; use --device cpu")
    return device


def device_name(device: torch.device) -> str:
    """How a header names a device: `cpu`, or the GPU's own name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def build(
    model: str,
    options: Mapping[str, Any],
    dataset: Dataset,
    seed: int,
    device: torch.device,
    normalization: Normalization | None = None,
    precision: str = "fp32",
    weights: Weights | None = None,
) -> Learner:
    """A freshly initialised network for a dataset; the same seed gives the same weights.

    With `weights` it starts from those, and only a last layer for other classes is drawn.
    """
    plug_in: Model = finder.make("models", model, options)
    height, width, n_channels = dataset.images.shape
    dataset.need_labels("training")
    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(seed, "init"))
        module = plug_in.build(n_channels, len(dataset.classes))
        if getattr(plug_in, "is_adopted", False):
            _try_out(
                module, called(model), n_channels, plug_in.input_size(height, width), len(dataset.classes)
            )
    if weights is not None:
        weights.put_into(module, called(model))
    return Learner(
        _placed(module, device, precision),
        called(model),
        finder.settings(plug_in),
        n_channels,
        dataset.classes,
        plug_in.input_size(height, width),
        normalization or normalization_of(dataset),
        device,
        precision,
        plug_in.hyperparameters,
    )


def _try_out(module: nn.Module, name: str, n_channels: int, size: tuple[int, int], n_classes: int) -> None:
    """Refuse, before any work, a network that does not take such images or does not know as many classes."""
    module.eval()
    try:
        with torch.no_grad():
            outcome = module(torch.zeros(2, n_channels, *size))
    except Exception as problem:
        reason = " ".join(str(problem).split())[:160]
        raise CurateError(
            f"{name} does not take images of {size[0]} x {size[1]} pixels and {n_channels} channels "
            f"({type(problem).__name__}: {reason}): use --image-size or --channels, or another network"
        ) from problem
    shape = list(getattr(outcome, "shape", ()))
    if shape != [2, n_classes]:
        told = f"shape {shape}" if shape else f"a {type(outcome).__name__}"
        raise CurateError(
            f"{name} gives {told} for 2 images of {n_classes} classes: it has to give logits "
            f"[2, {n_classes}]; a network that takes n_classes is told how many there are"
        )
    module.train()


def normalization_of(dataset: Dataset) -> Normalization:
    """Statistics of the (up to 16,384) samples with the smallest uids, of those that are not missing.

    Chosen by content and summed in integers, so that they do not depend on the order of a dataset.
    """
    present = dataset.present
    rows = np.sort(present[np.argsort(dataset.uids[present], kind="stable")[:_STATISTICS_FROM]])
    counts = np.zeros((dataset.images.shape[2], 256), np.int64)
    for start in range(0, len(rows), _CHUNK):
        images = dataset.images.read(rows[start : start + _CHUNK])
        for channel in range(len(counts)):
            counts[channel] += np.bincount(images[..., channel].ravel(), minlength=256)
    values = np.arange(256) / 255
    mean = counts @ values / counts.sum(axis=1)
    variance = counts @ values**2 / counts.sum(axis=1) - mean**2
    std = np.sqrt(np.maximum(variance, 1e-6))
    return Normalization(mean.tolist(), std.tolist())


def save(learner: Learner, path: Path) -> None:
    """Write weights and what is needed to use them."""
    from safetensors.torch import save_file

    about = {
        "model": learner.model,
        "options": learner.options,
        "n_channels": learner.n_channels,
        "classes": learner.classes,
        "input_size": list(learner.input_size),
        "normalization": asdict(learner.normalization),
    }
    weights = {name: value.contiguous().cpu() for name, value in learner.module.state_dict().items()}
    save_file(weights, path, metadata={MODEL: canonical(about).decode()})


def weights_sha256(learner: Learner) -> str:
    """sha256 over all weights and buffers in order of name: equal only for equal bits."""
    return sha256_of(learner.module.state_dict())


def load(path: Path, device: torch.device, model: str | None = None) -> Learner:
    """A network that `save` wrote; on a CPU it computes in float32.

    A network that is not curate's own is only made where the user names it as `model`.
    """
    from safetensors import safe_open

    check_weights(path)
    one_line = damage_as_one_line(path, "safetensors file", "copy it anew")
    with one_line, safe_open(path, framework="pt") as file:
        about = about_model(file.metadata(), path)
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
    named = about["model"]
    if model is not None and called(model) != named:
        raise CurateError(f"{path} holds {named}, not {called(model)}: leave out --set model=")
    if model is None and not finder.is_ours("models", named):
        raise CurateError(
            f"{path} holds {named}, which is not of curate, and a name in a file is not followed: name it "
            f"yourself with --set model={named}, with its folder"
        )
    plug_in: Model = finder.make("models", model or named, about["options"])
    module = plug_in.build(about["n_channels"], len(about["classes"]))
    try:
        module.load_state_dict(weights)
    except RuntimeError as problem:
        reason = " ".join(str(problem).split())[:120]
        raise DamagedError(f"{path} does not hold the weights of {named} ({reason}): copy it anew") from None
    height, width = about["input_size"]
    precision = "fp32" if device.type == "cpu" else precision_for("auto", model or named, device)
    return Learner(
        _placed(module, device, precision),
        named,
        about["options"],
        about["n_channels"],
        about["classes"],
        (height, width),
        Normalization(**about["normalization"]),
        device,
        precision,
        plug_in.hyperparameters,
    )


def _plain_layout(images: Tensor) -> Tensor:
    """A copy with plain strides: those of a single channel are ambiguous, and would choose other kernels."""
    return torch.empty(images.shape, dtype=images.dtype, device=images.device).copy_(images)


def _placed(module: nn.Module, device: torch.device, precision: str) -> nn.Module:
    return module.to(device=device, memory_format=layout(precision))  # type: ignore[call-overload]

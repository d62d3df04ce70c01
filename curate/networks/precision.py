"""In which arithmetic a network computes: float32, or bfloat16 for what autocast trusts it with.

Weights, losses and scores stay float32. With bfloat16 goes the memory layout channels-last, in which a CPU
that has such arithmetic convolves fastest.
"""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from curate import finder
from curate.networks.model import check_precision

_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # of x86 and Arm processors, as Linux names them


def precision_for(asked: str, model: str, device: torch.device) -> str:
    """`fp32` or `bf16`: what was asked for, else bf16 where the machine has it and the model gains by it."""
    check_precision(asked)
    if asked != "auto":
        return asked
    gains = device.type != "cpu" or getattr(finder.load("models", model), "gains_by_bf16", False)
    return "bf16" if gains and has_bf16(device) else "fp32"


def has_bf16(device: torch.device) -> bool:
    """Whether a device has arithmetic for bfloat16, and does not merely imitate it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and not _FLAGS.isdisjoint(cpuinfo.read_text().split())


def autocast(device: torch.device, precision: str) -> Any:
    """The context of a forward pass in this precision."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def layout(precision: str) -> torch.memory_format:
    """The memory layout of images and weights in this precision."""
    return torch.channels_last if precision == "bf16" else torch.contiguous_format

"""In which arithmetic a network computes: what is asked for, and what a machine and a model make of auto."""

from pathlib import Path

import pytest
import torch

from curate import finder
from curate.errors import CurateError
from curate.networks import precision as precisions
from curate.networks.precision import autocast, has_bf16, layout, precision_for

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("asked", "model", "device", "machine_has_it", "expected"),
    [
        ("fp32", "resnet8", CPU, True, "fp32"),
        ("fp32", "resnet8", GPU, True, "fp32"),
        ("bf16", "lenet5", CPU, False, "bf16"),
        ("bf16", "lenet5", GPU, False, "bf16"),
        ("auto", "basic-cnn", CPU, True, "bf16"),
        ("auto", "resnet8", CPU, True, "bf16"),
        ("auto", "lenet5", CPU, True, "fp32"),
        ("auto", "basic-cnn", CPU, False, "fp32"),
        ("auto", "lenet5", GPU, True, "bf16"),
        ("auto", "resnet18", GPU, True, "bf16"),
        ("auto", "resnet18", GPU, False, "fp32"),
    ],
)
def test_what_is_asked_for_is_done_and_auto_is_bf16_where_it_pays(
    monkeypatch, asked, model, device, machine_has_it, expected
):
    monkeypatch.setattr(precisions, "has_bf16", lambda device: machine_has_it)
    assert precision_for(asked, model, device) == expected


@pytest.mark.parametrize("unknown", ["fp16", "", "BF16"])
def test_another_precision_is_refused(unknown):
    with pytest.raises(CurateError, match=f"precision={unknown} is unknown: use auto, fp32 or bf16"):
        precision_for(unknown, "basic-cnn", CPU)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_tile", True),
        ("flags\t\t: fpu amx_bf16", True),
        ("Features\t: fp asimd bf16 i8mm", True),
        ("flags\t\t: fpu avx2 avx512f avx512_bf16x", False),
        (None, False),
    ],
)
def test_a_processor_has_it_where_linux_says_so(monkeypatch, tmp_path, flags, expected):
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{flags}\n")
    monkeypatch.setattr(precisions, "Path", lambda name: tmp_path / Path(name).name)
    assert has_bf16(CPU) is expected


def test_every_model_says_whether_it_gains():
    assert {type(finder.load("models", name).gains_by_bf16) for name in finder.names("models")} == {bool}


def test_products_are_computed_in_the_precision_and_memory_is_laid_out_for_it():
    weights = torch.ones(2, 2)
    with autocast(CPU, "bf16"):
        assert (weights @ weights).dtype == torch.bfloat16
    with autocast(CPU, "fp32"):
        assert (weights @ weights).dtype == torch.float32
    assert layout("bf16") == torch.channels_last
    assert layout("fp32") == torch.contiguous_format

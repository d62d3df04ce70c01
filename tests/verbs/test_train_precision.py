"""--precision: the header has the one that was used, and a replay uses it again."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.trained import sha_of_saved

import curate
from curate.errors import CurateError
from curate.manifests.manifest import write_manifest
from curate.networks import precision as precisions


@pytest.fixture(scope="module")
def few():
    return curate.open_dataset("digits").take(np.arange(200))


def trained(few, output, precision=None):
    return curate.train(
        few,
        policy="random",
        keep=0.5,
        test=few,
        hyperparameters={"n_epochs": 2, "precision": precision},
        device="cpu",
        output=output,
    ).manifest


def replayed(manifest, few, **more):
    outcome = curate.replay(manifest, few, test=few, trials=1, against=["full"], device="cpu", **more)
    return outcome.runs[0].trials[0].weights_sha256


@pytest.mark.parametrize("machine_has_it", [True, False])
def test_the_header_records_what_auto_came_to(few, tmp_path, monkeypatch, machine_has_it):
    monkeypatch.setattr(precisions, "has_bf16", lambda device: machine_has_it)
    expected = "bf16" if machine_has_it else "fp32"
    made = trained(few, tmp_path / "run")
    assert made.header.options["recipe"]["precision"] == expected
    same = trained(few, tmp_path / "same", expected)
    assert sha_of_saved(made.path / "model.safetensors") == sha_of_saved(same.path / "model.safetensors")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_replay_computes_as_the_run_did_whatever_the_machine_prefers(few, tmp_path, monkeypatch, precision):
    made = trained(few, tmp_path / "run", precision)
    assert made.header.options["recipe"]["precision"] == precision
    monkeypatch.setattr(precisions, "has_bf16", lambda device: precision == "fp32")
    assert replayed(made, few) == sha_of_saved(made.path / "model.safetensors")


def test_the_two_differ(few, tmp_path):
    one, other = (trained(few, tmp_path / name, name) for name in ("fp32", "bf16"))
    assert sha_of_saved(one.path / "model.safetensors") != sha_of_saved(other.path / "model.safetensors")


def test_a_manifest_from_before_there_was_a_choice_replays_in_float32_on_a_cpu(few, tmp_path, monkeypatch):
    made = trained(few, tmp_path / "run", "fp32")
    recipe = {key: value for key, value in made.header.options["recipe"].items() if key != "precision"}
    header = replace(made.header, options={**made.header.options, "recipe": recipe}, files={}, sha256="")
    samples = {name: column for name, column in made.samples.items() if name != "n_selected"}
    epochs = [made.selected(epoch) for epoch in range(made.n_epochs)]
    old = write_manifest(tmp_path / "old", header, epochs, samples)
    assert "precision" not in old.header.options["recipe"]
    monkeypatch.setattr(precisions, "has_bf16", lambda device: True)
    assert replayed(old, few) == sha_of_saved(made.path / "model.safetensors")


def test_an_unknown_one_is_refused_before_anything_is_trained(few, tmp_path, cli):
    with pytest.raises(CurateError, match="precision=fp16 is unknown: use auto, fp32 or bf16"):
        trained(few, tmp_path / "run", "fp16")
    result = cli("train", "digits", "--precision", "half", "-o", tmp_path / "run")
    assert (result.code, "precision=half is unknown" in result.err) == (2, True)
    assert list(tmp_path.iterdir()) == []

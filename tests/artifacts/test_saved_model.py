"""Saved weights: what they say of their model is checked, and they are those whose hash lies beside."""

import json
import shutil
import struct

import numpy as np
import pytest
from safetensors.numpy import save_file

import curate
from curate.artifacts.saved_model import about_model, check_weights
from curate.errors import CurateError, DamagedError

ABOUT = {
    "model": "basic-cnn",
    "options": {"width": 8},
    "n_channels": 1,
    "classes": ["0", "1"],
    "input_size": [8, 8],
    "normalization": {"mean": [0.5], "std": [0.2]},
}


def test_what_train_saved_is_read(traced_run):
    from safetensors import safe_open

    with safe_open(traced_run.path / "model.safetensors", framework="numpy") as file:
        about = about_model(file.metadata(), traced_run.path)
    assert (about["model"], about["n_channels"], about["input_size"]) == ("basic-cnn", 1, [8, 8])
    assert about_model({"curate_model": json.dumps(ABOUT)}, "x") == ABOUT


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": 7},
        {"classes": [1, 2]},
        {"classes": "01", "options": []},
        {"n_channels": 10**9},
        {"n_channels": True},
        {"input_size": [8]},
        {"input_size": [0, 8]},
        {"input_size": None},
        {"options": {"width": 10**9}},
        {"normalization": {"mean": [0.5]}},
        {"normalization": {"mean": ["x"], "std": [1]}},
    ],
)
def test_what_train_did_not_say_is_damage(wrong):
    with pytest.raises(DamagedError, match="does not say what model it is"):
        about_model({"curate_model": json.dumps(ABOUT | wrong)}, "x")


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "[" * 200_000])
def test_metadata_that_is_no_object_is_damage(text):
    with pytest.raises(DamagedError, match="does not say what model it is"):
        about_model({"curate_model": text}, "x")
    with pytest.raises(CurateError, match="was not saved by `curate train`"):
        about_model({}, "x")


def test_weights_are_those_whose_hash_lies_beside_them(traced_run, tmp_path, cli):
    folder = shutil.copytree(traced_run.path, tmp_path / "run")
    weights = folder / "model.safetensors"
    check_weights(weights)
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)
    message = "model.safetensors is damaged: its sha256 is not the one in manifest.json"
    for words in (
        ("embed", "digits", "--method", "features", "--set", f"weights={folder}"),
        ("embed", "digits", "--method", "features", "--set", f"weights={weights}"),
        ("train", "digits", "--weights", folder),
        ("inspect", weights),
    ):
        result = cli(*words)
        assert (result.code, message in result.err) == (2, True), (words, result.err)
    (folder / "manifest.json").unlink()
    assert curate.embed("digits", method="features", options={"weights": str(weights)}).dim > 0


def test_weights_of_another_shape_than_they_say_are_damage(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file({"a": np.zeros(3, np.float32)}, path, metadata={"curate_model": json.dumps(ABOUT)})
    with pytest.raises(DamagedError, match="does not hold the weights of basic-cnn"):
        curate.embed("digits", method="features", options={"weights": str(path)})


def test_a_tensor_whose_name_has_a_line_break_is_one_line(here):
    """A header that was altered: what the reader says of it quotes the name."""
    header = json.dumps({"a\nb": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}).encode()
    header = json.dumps({"__metadata__": {"curate_model": "{}"}})[:-1].encode() + b"," + header[1:]
    (here / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    with pytest.raises(CurateError) as problem:
        curate.inspect("model.safetensors")
    assert "\n" not in str(problem.value)

"""A pack is the same dataset, decoded: its manifests, its uids, and training without a decoder."""

import json

import pytest
from helpers.commands import assert_error
from helpers.pictures import photographs

import curate


@pytest.fixture
def photos(here):
    return photographs(here)


def test_a_manifest_of_the_one_is_replayed_on_the_other(photos, cli):
    words = ["--epochs", 1, "--set", "width=2", "--image-size", 24, "--model", "basic-cnn"]
    assert cli("train", "photos", *words, "--policy", "random", "--keep", 0.5, "-o", "run").code == 0
    assert cli("pack", "photos", "--image-size", 24, "-o", "p.safetensors").code == 0
    assert cli("pack", "photos", "--image-size", 24, "--split", "test", "-o", "t.safetensors").code == 0
    again = cli(
        "replay", "run", "--data", "p.safetensors", "--test", "t.safetensors", "--trials", 1, "--json"
    )
    assert again.code == 0, again.err
    there = cli("replay", "run", "--data", "photos", "--trials", 1, "--json")
    assert there.code == 0, there.err
    assert "another copy" not in again.err
    here, elsewhere = (json.loads(done.out)["runs"] for done in (again, there))
    assert [run["accuracy"] for run in here] == [run["accuracy"] for run in elsewhere]


def test_training_from_a_pack_cuts_parts_out_of_it(photos, cli):
    assert cli("pack", "photos", "--image-size", 32, "-o", "p.safetensors").code == 0
    assert cli("pack", "photos", "--image-size", 32, "--split", "test", "-o", "t.safetensors").code == 0
    for stream in ([], ["--stream"]):
        words = ["--test", "t.safetensors", "--augment", "resized-crop", "--epochs", 1, "--set", "width=2"]
        done = cli("train", "p.safetensors", *words, *stream, "-o", f"run-{len(stream)}")
        assert done.code == 0, done.err
    first, second = (curate.open_manifest(f"run-{n}").header for n in (0, 1))
    assert first.summary == second.summary


def test_the_same_command_finds_its_pack_and_another_does_not(photos, cli):
    assert cli("pack", "photos", "--image-size", 24, "-o", "p.safetensors").code == 0
    again = cli("pack", "photos", "--image-size", 24, "-o", "p.safetensors")
    assert (again.code, "made by this very command" in again.err) == (0, True)
    assert_error(cli("pack", "photos", "--image-size", 16, "-o", "p.safetensors"), "exists: use --force")

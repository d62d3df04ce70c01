"""What an artifact names is opened where the user opened it before, or where it is no place at all."""

import json
import re
import shutil

import numpy as np
import pytest
from helpers.commands import assert_error
from helpers.forging import forged_parquet
from helpers.hub_desk import forged
from helpers.pictures import jpegs

import curate
from curate.data import followed
from curate.data.followed import check_followed, is_built_in, remember
from curate.errors import CurateError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A machine on which nothing was opened yet."""
    monkeypatch.setenv("CURATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize(
    "name", ["digits", "mnist", "MNIST+noise=0.1", "torchvision:cifar10", "digits+per-class=9"]
)
def test_a_built_in_name_is_no_place(name):
    assert is_built_in(name)
    check_followed(name, "f", "m")


@pytest.mark.parametrize(
    "name", ["photos", "/etc", "hf:owner/name", "digits.npz", "folder:digits", "mnist/", "", "a+b"]
)
def test_anything_else_is_a_place(name):
    assert not is_built_in(name)
    with pytest.raises(CurateError, match=re.escape(f"m names its dataset {name!r}, which was")):
        check_followed(name, "f" * 64, "m")


def test_what_was_opened_is_followed_for_that_very_content():
    remember("photos\n", "a" * 64)
    check_followed("photos\n", "a" * 64, "m")
    check_followed("photos\n", "", "m", "--test")
    for reference, fingerprint in (("photos\n", "b" * 64), ("photos", "a" * 64), ("tos\n", "")):
        with pytest.raises(CurateError, match="never opened here"):
            check_followed(reference, fingerprint, "m")


def test_a_dataset_is_noted_once_and_the_notes_are_bounded(elsewhere, monkeypatch):
    for _ in range(3):
        remember("photos", "a" * 64)
    assert (elsewhere / "opened.txt").read_text() == f'{"a" * 16} "photos"\n'
    monkeypatch.setattr(followed, "_MOST_BYTES", 100)
    for number in range(50):
        remember("photos", f"{number:064x}"[::-1])
    assert (elsewhere / "opened.txt").stat().st_size < 200


def test_where_nothing_can_be_noted_work_goes_on(elsewhere, here):
    elsewhere.write_bytes(b"a file where the cache should be")
    assert len(curate.open_dataset(str(jpegs(here / "photos")))) > 0


@pytest.fixture
def made_here(here, cli):
    """A manifest of a folder of images, made by this user."""
    for split in ("train", "test"):
        jpegs(here / "photos" / split, each=4, seed=len(split))
    assert cli("embed", "photos", "--image-size", 8, "--dim", 2, "-o", "e.safetensors").code == 0
    assert cli("cluster", "e.safetensors", "-k", 2, "-o", "c.parquet").code == 0
    assert cli("select", "c.parquet", "--strategy", "random", "-o", "m").code == 0
    return here / "m"


WRONG = {"reference": "/home", "fingerprint": "0" * 64}
REPLAY = ("--epochs", 1, "--trials", 1, "--set", "width=2")


def test_what_the_user_made_is_followed_by_every_command(made_here, cli):
    assert cli("replay", "m", *REPLAY).code == 0
    assert cli("inspect", "m", "--sheet").code == 0
    assert cli("inspect", "c.parquet", "--sheet").code == 0
    assert cli("export", "m", "--to", "imagefolder-list").code == 0


def test_what_somebody_else_made_is_not(made_here, cli, elsewhere):
    shutil.rmtree(elsewhere)
    named = "names its dataset 'photos', which was never opened here, .*: name it with --data"
    for words in (
        ("replay", "m", *REPLAY),
        ("inspect", "m", "--sheet", "s.png"),
        ("inspect", "c.parquet", "--sheet", "s.png"),
        ("export", "m", "--to", "imagefolder-list"),
    ):
        assert_error(cli(*words), named)
    assert cli("inspect", "m").code == 0  # which opens nothing else
    assert cli("replay", "m", "--data", "photos", *REPLAY).code == 0
    assert cli("inspect", "m", "--sheet", "s.png").code == 0  # named once, it is known


def test_named_once_in_another_place_the_samples_are_known(made_here, cli, elsewhere, here):
    shutil.rmtree(elsewhere)
    (here / "photos").rename(here / "moved")
    assert cli("replay", "m", "--data", "moved", *REPLAY).code == 0
    again = cli("inspect", "m", "--sheet", "s.png")
    assert again.code == 0
    assert f"m is of the samples in {here / 'moved'}, which is opened" in again.err
    shutil.rmtree(here / "moved")
    assert_error(cli("inspect", "m", "--sheet", "t.png"), "names its dataset 'photos', which was never")


def test_a_name_that_was_forged_into_a_manifest_is_not_followed(made_here, cli, here):
    secret = here / "secret.npz"
    np.savez(secret, x=np.zeros((4, 8, 8), np.uint8), y=np.arange(4) % 2)
    forged(made_here, dataset__reference=str(secret))
    followed = cli("replay", "m", *REPLAY)  # the user's own place of the very same samples, and no other
    assert f"m is of the samples in {here / 'photos'}, which is opened" in followed.err
    assert followed.code == 0
    forged(made_here, dataset__reference=str(secret), dataset__fingerprint="0" * 64)
    assert_error(cli("replay", "m", *REPLAY), "secret.npz', which was never opened here")
    forged(made_here, dataset__reference="hf:owner/private", dataset__fingerprint="")
    assert_error(cli("replay", "m", *REPLAY), "'hf:owner/private', which was never opened here")


def test_a_recorded_test_set_is_not_followed_even_where_the_data_are_named(made_here, cli, here):
    assert cli("train", "photos", "--epochs", 1, "--image-size", 8, "--set", "width=2", "-o", "run").code == 0
    forged(here / "run", options__test="/etc/passwd.npz", options__test_fingerprint="0" * 64)
    words = ("replay", "run", "--data", "photos", "--trials", 1)
    assert_error(cli(*words), "names a test set '/etc/passwd.npz', which was never opened here.*--test")
    assert cli(*words, "--test", "photos").code == 0


def test_a_table_of_somebody_else_makes_manifests_that_are_not_followed_either(made_here, cli, here):
    forged_parquet(here / "c.parquet", header=lambda header: header["dataset"].update(WRONG))
    assert cli("select", "c.parquet", "--strategy", "furthest", "-o", "other").code == 0
    assert json.loads((here / "other/manifest.json").read_text())["dataset"]["reference"] == "/home"
    assert_error(cli("replay", "other", *REPLAY), "names its dataset '/home', which was never opened here")

"""References: which source a reference, a path or a prefix names, and what is said where it names none."""

from pathlib import Path

import numpy as np
import pytest
from helpers.hub_server import dataset_file
from helpers.pictures import ALL, noise, png, write

from curate import finder
from curate.data.dataset import Options, open_dataset, opening_for
from curate.errors import CurateError


def places(top: Path) -> list[str]:
    """A path of every kind."""
    write(top / "photos" / "cat" / "1.png", png(4, 4))
    write(top / "bare" / "1.png", png(4, 4))
    write(top / "hub" / "data" / "train.parquet", dataset_file([png(4, 4)]))
    np.savez(top / "a.npz", x=noise(3, 4, 4))
    paths = [top / name for name in ("photos", "bare", "hub", "hub/data", "hub/data/train.parquet", "a.npz")]
    (top / "folder.npz").mkdir()
    return [*map(str, paths), f"{top}/hub/*/*.parquet", str(top / "folder.npz")]


def accepting(reference: str) -> list[str]:
    return [name for name in finder.names("sources") if finder.make("sources", name).accepts(reference)]


def test_every_reference_is_accepted_by_one_source(tmp_path):
    names = finder.load("sources", "torchvision").names()
    for reference in [*places(tmp_path), "digits", "Digits", *names, "CIFAR-10", "fashion_mnist"]:
        assert len(accepting(reference)) == 1, reference


@pytest.mark.parametrize("reference", ["nowhere", "nowhere.npz", "nowhere/*.parquet", "a:b"])
def test_what_is_no_reference_is_accepted_by_none(reference, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert accepting(reference) == []


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_a_folder_called_like_a_dataset_has_to_be_named_outright(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / name / "cat" / "1.png", png(4, 4))
    with pytest.raises(CurateError, match=f"known dataset and a path here: say which, .*folder:{name}"):
        open_dataset(name)
    assert len(open_dataset(f"./{name}", ALL)) == 1


def test_a_prefix_names_the_source(tmp_path):
    np.savez(tmp_path / "a.npz", x=noise(3, 4, 4))
    (tmp_path / "a.npz").rename(tmp_path / "renamed")
    write(tmp_path / "one.pq", dataset_file([png(4, 4)]))
    write(tmp_path / "photos" / "cat" / "1.png", png(4, 4))
    for kind, name, n in (("npz", "renamed", 3), ("parquet", "one.pq", 1), ("folder", "photos", 1)):
        dataset = open_dataset(f"{kind}:{tmp_path / name}", ALL)
        assert len(dataset) == n
        assert dataset.header().reference == f"{kind}:{tmp_path / name}"


def test_a_prefix_names_a_folder_called_like_a_dataset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "digits" / "cat" / "1.png", png(4, 4))
    assert len(open_dataset("folder:digits", ALL)) == 1


@pytest.mark.parametrize(
    "reference", ["folder:gone", "npz:gone.npz", "parquet:gone.parquet", "torchvision:gone"]
)
def test_a_prefix_before_what_does_not_exist(reference, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CurateError, match=r"gone") as problem:
        open_dataset(reference, ALL)
    assert "do not agree" not in str(problem.value)


@pytest.mark.parametrize(
    ("reference", "remedy"),
    [("digitz", "digits"), ("mnits", "mnist"), ("cifar", "cifar10"), ("Fashion-MNST", "fashion-mnist")],
)
def test_an_unknown_reference_names_the_nearest(reference, remedy):
    with pytest.raises(
        CurateError,
        match=rf"^there is no dataset '{reference}': give a path that exists, hf:owner/name, or a name; "
        rf"did you mean .*\b{remedy}\b",
    ):
        open_dataset(reference)


def test_a_reference_like_no_name_lists_the_names():
    with pytest.raises(CurateError, match=r"; use one of digits, caltech101, .*, usps$"):
        open_dataset("nowhere/zzz.qqq")


def test_a_file_that_is_no_dataset_is_told_from_none_at_all(tmp_path):
    (tmp_path / "notes.txt").write_text("a")
    with pytest.raises(
        CurateError, match=r"notes\.txt is no dataset: no source reads it \(digits, folder, hf, npz, "
    ):
        open_dataset(str(tmp_path / "notes.txt"))


@pytest.mark.parametrize("reference", ["", "  "])
def test_a_dataset_needs_a_name(reference):
    with pytest.raises(
        CurateError, match=r"^the dataset has no name: give a path that exists, hf:owner/name, or "
    ):
        open_dataset(reference)


def test_a_split_that_was_not_said_is_train_unless_an_artifact_says_another():
    assert Options().split == ""
    opened = open_dataset("digits")
    assert opened.options.split == opened.header().split == "train"
    everything = open_dataset("digits", ALL).header()
    assert opening_for(everything, Options()).split == "all"
    assert opening_for(everything, Options(split="train")).split == "train"
    assert opening_for(opened.header(), Options(split="all")).split == "all"

"""Datasets of one's own: the same images are the same dataset, wherever they come from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import curate
from curate.data.identity import uids_of_keys
from curate.errors import CurateError
from curate.manifests.manifest import write_manifest

MAKE = """
import numpy as np
from curate import Dataset

def make(split):
    chance = np.random.default_rng({"train": 0, "test": 1}[split])
    return chance.integers(0, 256, (40, 8, 8), np.uint8), np.arange(40) % 4

def whole():
    return make("train")

def words():
    return "words"

class Own:
    classes = ["cat", "dog"]
    def __len__(self):
        return 6
    def __getitem__(self, index):
        return np.full((5, 5, 3), index / 6), index % 2

def torch_like():
    return Own()
"""


@pytest.fixture(scope="module")
def digits():
    return curate.open_dataset("digits", curate.Options(split="all"))


@pytest.fixture(scope="module")
def pixels(digits):
    return digits.images.read(np.arange(len(digits)))


def same(one, other):
    assert one.fingerprint == other.fingerprint
    assert (one.images.read(np.arange(len(one))) == other.images.read(np.arange(len(other)))).all()


def test_arrays_are_the_dataset_that_they_are(digits, pixels):
    same(curate.Dataset.from_arrays(pixels, digits.labels), digits)
    same(curate.Dataset.from_arrays(pixels[..., 0], digits.labels.tolist()), digits)
    same(curate.Dataset.from_arrays(pixels / 255, torch.from_numpy(digits.labels)), digits)
    without = curate.Dataset.from_arrays(pixels[:5])
    assert without.labels is None
    keyed = curate.Dataset.from_arrays(pixels[:2], [0, 1], keys=["a", "b"], classes=["x", "y"], name="mine")
    assert keyed.classes == ["x", "y"]
    assert keyed.reference == "mine"
    same_keys = curate.Dataset.from_torch(list(zip(pixels[:2], [0, 1], strict=True)), keys=["a", "b"])
    assert (same_keys.uids == keyed.uids).all()
    assert keyed.uids[0] == curate.Pruner(2, keep=1, epochs=1, keys=["a", "b"])._samples.uids[0]


def test_torch_datasets_of_tensors_arrays_and_pictures(digits, pixels):
    for turned in (
        lambda image: torch.from_numpy(image).permute(2, 0, 1),
        lambda image: torch.from_numpy(image[..., 0]),
        lambda image: torch.from_numpy(image).permute(2, 0, 1) / 255,
        lambda image: image,
        lambda image: Image.fromarray(image[..., 0]),
    ):
        samples = [(turned(image), label) for image, label in zip(pixels, digits.labels, strict=True)]
        same(curate.Dataset.from_torch(samples), digits)
    mixed = [(Image.new("RGB", (size, 9)), 0) for size in (9, 12)]
    assert curate.Dataset.from_torch(mixed, options=curate.Options(image_size=8)).images.shape == (8, 8, 3)


def test_a_dataset_of_hugging_face(digits, pixels):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=[*"0123456789"])}
    )
    pictures = [Image.fromarray(image[..., 0]) for image in pixels[:50]]
    made = datasets.Dataset.from_dict({"image": pictures, "label": digits.labels[:50]}, features=features)
    same(curate.Dataset.from_hf(made), digits.take(np.arange(50)))
    keys = [str(number) for number in range(50)]
    assert (curate.Dataset.from_hf(made, keys=keys).uids == uids_of_keys(keys)).all()
    with pytest.raises(CurateError, match="has 50 images and 3 keys: give one for each"):
        curate.Dataset.from_hf(made, keys=keys[:3])
    with pytest.raises(CurateError, match="has no column 'picture': use one of image, label"):
        curate.Dataset.from_hf(made, image_column="picture")


def test_a_function_in_a_file_is_trained_on_and_never_followed_by_name(here, cli):
    Path("own").mkdir()
    Path("own/data.py").write_text(MAKE)
    line = ["train", "own/data.py:make", "--epochs", "1", "--set", "width=1", "-o", "run"]
    result = cli(*line)
    assert result.code == 0, result.err
    header = curate.open_manifest("run").header
    assert header.dataset.reference == "data.py:make()"
    assert header.dataset.n == 40
    Path("data.py").write_text("raise SystemExit('it was run')")
    refused = cli("replay", "run", "--trials", "1", "--epochs", "1")
    assert refused.code == 2
    assert (
        "data.py:make() was made by a file of somebody's, and a name in an artifact is not followed"
        in refused.err
    )
    again = cli("replay", "run", "--data", "own/data.py:make", "--trials", "1")
    assert again.code == 0, again.err


@pytest.mark.parametrize("place", ["dataset", "test", "schedule", "model"])
def test_a_forged_manifest_runs_no_file_that_it_names(here, cli, place):
    """Sealed as it should be, it names a file that lies in the reader's folder."""
    few = curate.open_dataset("digits").take(np.arange(60))
    made = curate.train(few, hyperparameters={"n_epochs": 1}, options={"width": 1}, output="honest", test=few)
    header = made.manifest.header
    options, dataset = dict(header.options), header.dataset
    evil = "evil.py:make"
    if place == "dataset":
        dataset = replace(dataset, reference=evil)
    elif place == "schedule":
        options["recipe"] = {**options["recipe"], "schedule": evil}
    else:
        options[place] = evil
    forged = replace(header, options=options, dataset=dataset, summary={"policy": "full", "checkpoints": [0]})
    samples = made.manifest.samples
    kept = {name: samples[name] for name in ("index", "row", "uid", "label")}
    write_manifest(Path("forged"), forged, [made.manifest.selected(0)], kept)
    Path("evil.py").write_text("from pathlib import Path\nPath('was-run').touch()\ndef make(*a, **b): pass\n")
    result = cli("replay", "forged", "--trials", "1", "--epochs", "1")
    assert result.code == 2, result.out
    assert not Path("was-run").exists()


def test_what_a_file_may_make(here):
    Path("data.py").write_text(MAKE)
    whole = curate.open_dataset("data.py:whole")
    assert len(whole) == 40
    own = curate.open_dataset("data.py:torch_like")
    assert own.classes == ["cat", "dog"]
    assert own.images.read(np.array([3]))[0, 0, 0].tolist() == [128, 128, 128]
    with pytest.raises(CurateError, match=r"data.py:words makes a str: return a Dataset, a map-style"):
        curate.open_dataset("data.py:words")
    made = curate.train("data.py:whole", hyperparameters={"n_epochs": 1}, options={"width": 1}, output="run")
    assert made.epochs[-1].test_accuracy is None
    with pytest.raises(
        CurateError, match=r"data.py:whole makes one dataset only: let it take split, or name"
    ):
        curate.open_dataset("data.py:whole", curate.Options(split="test"))


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (np.zeros((3, 4)), None, r"images of shape \(4,\): use \[h, w\]"),
        (np.zeros((3, 4, 4, 2)), None, r"images of shape \(4, 4, 2\)"),
        (
            np.full((3, 4, 4), 2.0),
            None,
            "images have values outside 0 to 1: give uint8, or floats from 0 to 1",
        ),
        (np.zeros((3, 4, 4), int), None, "images have type int64"),
        (np.zeros((3, 4, 4)), [0, 1], r"labels are int64 \[2\] for 3 images: give a whole number for each"),
        (np.zeros((3, 4, 4)), [0.5, 1, 2], r"labels are float64 \[3\] for 3 images"),
        (np.zeros((3, 4, 4)), [0, 1, -1], "label -1"),
        (np.zeros((0, 4, 4), np.uint8), None, "arrays has no samples"),
    ],
)
def test_arrays_that_do_not_fit_are_said(images, labels, said):
    with pytest.raises(CurateError, match=said):
        curate.Dataset.from_arrays(images, labels)


def test_datasets_of_torch_that_do_not_fit_are_said():
    with pytest.raises(CurateError, match=r"sample 0 of list is no \(image, label\), but a int"):
        curate.Dataset.from_torch([3])
    with pytest.raises(CurateError, match="is no map-style dataset"):
        curate.Dataset.from_torch(iter([]))
    with pytest.raises(CurateError, match="list has no samples"):
        curate.Dataset.from_torch([])


def test_what_was_made_in_memory_is_trained_on_with_a_test_set_or_without(digits, pixels, here):
    data = curate.Dataset.from_arrays(pixels[:60], digits.labels[:60])
    test = curate.Dataset.from_arrays(pixels[60:120], digits.labels[60:120])
    how = {"hyperparameters": {"n_epochs": 1}, "options": {"width": 1}}
    assert curate.train(data, output="a", **how).epochs[-1].test_accuracy is None
    made = curate.train(data, test=test, output="b", **how)
    assert made.epochs[-1].test_accuracy is not None
    assert curate.replay(made.manifest, data, test=test, trials=1, output="r.parquet").n == 60

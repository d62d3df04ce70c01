"""MNIST and its kin from IDX files: what torchvision reads, without torchvision."""

import struct
import subprocess
import sys

import numpy as np
import pytest
from helpers.pictures import noise
from torchvision import datasets

from curate.data.dataset import Options, open_dataset
from curate.data.idx import SETS, read_idx
from curate.errors import CurateError


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def root(here):
    """All sets, each of 30 and 10 images of its own."""
    for number, (folder, _) in enumerate(SETS.values()):
        raw = here / "data" / folder / "raw"
        raw.mkdir(parents=True)
        for part, n in (("train", 30), ("t10k", 10)):
            images = noise(n, 28, 28, seed=number * 100 + n)
            (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
            (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx((np.arange(n) % 10).astype(np.uint8)))
    return here / "data"


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_it_is_what_torchvision_reads(root, name, split):
    theirs = getattr(datasets, SETS[name][0])(str(root), train=split == "train")
    ours = open_dataset(name, Options(split))
    assert np.array_equal(ours.images.read(np.arange(len(ours)))[..., 0], theirs.data.numpy())
    assert ours.labels.tolist() == theirs.targets.tolist()
    assert ours.classes == theirs.classes
    assert len(open_dataset(name, Options("all"))) == 40


def test_torchvision_is_not_imported_for_it(root):
    program = (
        "import sys, curate; curate.open_dataset('mnist'); print({'torch', 'torchvision'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\x08",
        b"\0\0\x08\x01" + b"\xff" * 12,
        idx(noise(3, 2, 2))[:-1],
        b"\0\0\x0d\x03" + bytes(12),
        idx(noise(3)),
    ],
)
def test_what_is_no_such_file_is_one_line(here, content):
    (here / "x").write_bytes(content)
    with pytest.raises(CurateError, match="x is no IDX file of 3 sides, or is damaged"):
        read_idx(here / "x", 3)


def test_labels_that_are_not_one_for_each_image_are_refused(root):
    (root / "MNIST" / "raw" / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(7, np.uint8)))
    with pytest.raises(CurateError, match="has 30 images and 7 labels of train"):
        open_dataset("mnist")

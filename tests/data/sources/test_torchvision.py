"""The sets of torchvision: what is read, and how missing ones are fetched."""

import struct
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from helpers.pictures import noise, pixels_of, write

from curate import finder
from curate.data.dataset import Options, open_dataset
from curate.errors import CurateError


@pytest.fixture
def fake_data(monkeypatch) -> type:
    """FakeData of torchvision, with few and small images."""
    from torchvision import datasets

    class FewFakes(datasets.FakeData):
        def __init__(self) -> None:
            super().__init__(size=6, image_size=(3, 32, 32))

    monkeypatch.setattr(datasets, "FakeData", FewFakes)
    return FewFakes


def test_fake_data_is_what_torchvision_gives(fake_data):
    dataset = open_dataset("fake-data", Options("all", image_size=32))
    original = fake_data()
    assert np.array_equal(pixels_of(dataset), [np.array(original[row][0]) for row in range(6)])
    assert dataset.labels.tolist() == [original[row][1] for row in range(6)]
    assert dataset.classes == [str(number) for number in range(10)][: max(dataset.labels) + 1]


def test_fake_data_is_the_same_when_several_threads_read_it(fake_data, monkeypatch):
    import torch

    resident = open_dataset("fake-data", Options("all", image_size=32))
    streamed = open_dataset("fake-data", Options("all", image_size=32, stream=True))
    together, randn = threading.Barrier(2), torch.randn

    def meet() -> None:
        try:
            together.wait(timeout=0.3)
        except threading.BrokenBarrierError:
            together.reset()

    def meet_and_draw(*size: int) -> torch.Tensor:
        meet()
        drawn = randn(*size)
        meet()
        return drawn

    monkeypatch.setattr(torch, "randn", meet_and_draw)
    assert np.array_equal(streamed.images.read(np.arange(2)), pixels_of(resident)[:2])


@pytest.mark.slow
def test_fake_data_has_1000_images():
    dataset = open_dataset("fake-data", Options("all", image_size=32))
    assert (len(dataset), dataset.images.shape, len(dataset.classes)) == (1000, (32, 32, 3), 10)


def torchvision_names() -> list[str]:
    return [name for name in finder.load("sources", "torchvision").names() if name != "fake-data"]


@pytest.mark.parametrize("name", torchvision_names())
def test_a_missing_torchvision_set_says_how_to_fetch_it(tmp_path, name):
    where = rf"^{name} is not .*in {tmp_path}/.*: fetch it with --download, or name its folder with --root$"
    with pytest.raises(CurateError, match=where):
        open_dataset(name, Options("all", root=str(tmp_path)))


def test_a_set_that_needs_another_package_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(CurateError, match=r"\bh5py\b"):
        open_dataset("pcam", Options("all", root=str(tmp_path)))


def test_a_set_that_can_no_longer_be_fetched_says_so(tmp_path):
    with pytest.raises(CurateError, match=r"^.*stanford-cars.*cannot be downloaded"):
        open_dataset("stanford-cars", Options(download=True, root=str(tmp_path)))


def write_qmnist(root: Path, images: np.ndarray, labels: list[int]) -> None:
    """QMNIST's training files: its labels are rows of eight numbers, of which the first is the class."""
    rows = np.full((len(labels), 8), 50, ">i4")
    rows[:, 0] = labels
    raw = root / "QMNIST" / "raw"
    header = struct.pack(">IIII", 0x0803, *images.shape)
    write(raw / "qmnist-train-images-idx3-ubyte", header + images.tobytes())
    write(raw / "qmnist-train-labels-idx2-int", struct.pack(">III", 0x0C02, *rows.shape) + rows.tobytes())


def test_qmnist_labels_are_classes(tmp_path):
    write_qmnist(tmp_path, noise(12, 28, 28), [row % 10 for row in range(12)])
    dataset = open_dataset("qmnist", Options("train", root=str(tmp_path)))
    assert dataset.labels.tolist() == [row % 10 for row in range(12)]
    assert np.array_equal(pixels_of(dataset)[..., 0], noise(12, 28, 28))


def test_qmnist_is_fetched_where_that_is_asked_for(tmp_path, monkeypatch):
    from torchvision import datasets

    asked = []
    monkeypatch.setattr(datasets.QMNIST, "download", lambda self: asked.append(self.what))
    with pytest.raises(CurateError):
        open_dataset("qmnist", Options("train", download=True, root=str(tmp_path)))
    assert asked == ["train"]

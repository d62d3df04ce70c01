"""Rows: the place of every sample as torchvision and datasets count it, held against those very libraries.

A sample is known by its pixels: what a library gives at the row of a sample is the image that curate has.
"""

import io
import struct

import numpy as np
import pyarrow as pa
import pytest
from helpers.parquet_shelf import parquet
from helpers.pictures import noise, npz, pixels_of, png, write
from PIL import Image

import curate
from curate.artifacts.header import make_header
from curate.artifacts.tables import sample_columns
from curate.data.dataset import Options, open_dataset
from curate.errors import CurateError
from curate.manifests.manifest import Selected, write_manifest

ALL = Options("all")


def colours(image: Image.Image, channels: int) -> np.ndarray:
    return np.asarray(image.convert("L" if channels == 1 else "RGB")).reshape(*image.size[::-1], channels)


def assert_same_images(data, elsewhere, image_of=lambda item: item[0]) -> None:
    """Each sample of curate is that of the other library at its row; no row is there twice."""
    assert len(data) > 0
    assert data.n_rows == len(elsewhere)
    assert len(set(data.rows.tolist())) == len(data)
    for row, pixels in zip(data.rows.tolist(), pixels_of(data), strict=True):
        assert np.array_equal(colours(image_of(elsewhere[row]), pixels.shape[2]), pixels)


def manifest_of(data, indices, folder):
    """A manifest that selects these samples of a dataset."""
    header = make_header("manifest", "select", {}, seed=0, dataset=data.header())
    write_manifest(
        folder, header, [Selected(np.array(indices))], sample_columns(data.uids, data.rows, data.labels)
    )
    return curate.load_manifest(folder)


@pytest.fixture
def image_folder():
    from torchvision.datasets import ImageFolder

    return ImageFolder


def photos(top, names, first=0):
    for seed, name in enumerate(names, first):
        write(top / name, png(4, 5, 3, seed=seed))
    return str(top)


def many(each=20):
    return [f"{label}/{number}.png" for label in ("cat", "dog") for number in range(each)]


class TestFolders:
    @pytest.mark.parametrize("split", ["train", "test", "all"])
    def test_without_splits_where_a_part_is_held_out(self, tmp_path, image_folder, split):
        data = open_dataset(photos(tmp_path / "photos", many()), Options(split))
        assert_same_images(data, image_folder(tmp_path / "photos"))
        assert (len(data) == 40) is (split == "all")
        assert (data.rows.tolist() == list(range(len(data)))) is (split == "all")

    def test_with_splits_each_of_which_is_a_folder_of_its_own(self, tmp_path, image_folder):
        from torch.utils.data import ConcatDataset

        splits = ("train", "val", "test")
        names = [f"{split}/{label}/{n}.png" for split in splits for label in ("cat", "dog") for n in range(3)]
        path = photos(tmp_path / "photos", names)
        parts = [image_folder(tmp_path / "photos" / split) for split in splits]
        for split, part in zip(splits, parts, strict=True):
            assert_same_images(open_dataset(path, Options(split)), part)
        assert_same_images(open_dataset(path, ALL), ConcatDataset(parts))
        assert_same_images(open_dataset(f"{path}+join=val"), ConcatDataset(parts[:2]))

    def test_folders_in_folders_are_walked_in_another_order_than_names_sort(self, tmp_path, image_folder):
        """As text `a/x-1/1` < `a/x/1` < `a/z`; the walk has those of `a` first, then of `a/x`."""
        path = photos(tmp_path / "photos", ["a/x/1.png", "a/x-1/1.png", "a/z.png", "b/1.png", "b/0/1.png"])
        data = open_dataset(path, ALL)
        assert data.rows.tolist() == [2, 1, 0, 4, 3]
        assert_same_images(data, image_folder(tmp_path / "photos"))

    def test_hidden_files_are_counted_though_curate_does_not_read_them(self, tmp_path, image_folder):
        path = photos(tmp_path / "photos", ["a/.0.png", "a/1.png", "a/2.PNG", "b/.5.png", "b/6.png"])
        write(tmp_path / "photos" / "a" / "1.txt", b"a")
        data = open_dataset(path, ALL)
        assert (data.rows.tolist(), data.n_rows) == ([1, 2, 4], 5)
        assert_same_images(data, image_folder(tmp_path / "photos"))

    def test_a_hidden_class_is_one_for_image_folder(self, tmp_path, image_folder):
        data = open_dataset(photos(tmp_path / "photos", [".old/1.png", "a/1.png", "b/1.png"]), ALL)
        assert (data.classes, data.rows.tolist()) == (["a", "b"], [1, 2])
        assert_same_images(data, image_folder(tmp_path / "photos"))

    def test_a_gif_has_no_row_and_cannot_be_handed_on(self, tmp_path, image_folder):
        path = photos(tmp_path / "photos", ["a/1.png", "a/3.png", "b/1.png"])
        moving = io.BytesIO()
        Image.fromarray(noise(4, 5, 3, seed=9)).save(moving, "GIF")
        write(tmp_path / "photos" / "a" / "2.gif", moving.getvalue())
        data = open_dataset(path, ALL)
        assert (data.rows.tolist(), data.n_rows) == ([0, -1, 1, 2], 3)
        assert_same_images(data.take(np.array([0, 2, 3])), image_folder(tmp_path / "photos"))
        assert manifest_of(data, [0, 2, 3], tmp_path / "without").rows().tolist() == [0, 1, 2]
        kept = manifest_of(data, [0, 1, 3], tmp_path / "with")
        with pytest.raises(CurateError, match=r"1 selected samples of .*, such as sample 1, are files that"):
            kept.rows()
        with pytest.raises(CurateError, match="such as sample 1, are files that"):
            curate.export(tmp_path / "with", "npy", output=tmp_path / "rows.npy")
        listed = curate.export(tmp_path / "with", "imagefolder-list", output=tmp_path / "list").path
        assert sorted(listed.read_text().splitlines()) == ["a/1.png", "a/2.gif", "b/1.png"]

    def test_a_skipped_file_keeps_its_place(self, tmp_path, image_folder):
        path = photos(tmp_path / "photos", [f"a/{n}.png" for n in range(4)] + ["b/1.png"])
        write(tmp_path / "photos" / "a" / "1.png", b"no image")
        data = open_dataset(path, Options("all", skip_corrupt=True))
        assert (len(data), data.n_rows, data.rows.tolist()) == (4, 5, [0, 2, 3, 4])
        assert_same_images(data, image_folder(tmp_path / "photos"))

    @pytest.mark.parametrize(
        "variant", ["per-class=0.25", "per-class=cat:3", "noise=0.2", "noise=0.3+seed=4"]
    )
    def test_variants_take_samples_away_and_rows_stay(self, tmp_path, image_folder, variant):
        path = photos(tmp_path / "photos", many())
        data = open_dataset(f"{path}+{variant}")
        assert_same_images(data, image_folder(tmp_path / "photos"))
        assert data.n_rows == 40
        assert len(data) < len(open_dataset(path)) or "noise" in variant

    def test_images_without_class_folders_are_counted_as_curate_reads_them(self, tmp_path):
        data = open_dataset(photos(tmp_path / "photos", ["2.png", "1.png", "3.png"]), ALL)
        assert (data.rows.tolist(), data.n_rows) == ([0, 1, 2], 3)


class TestSetsOfTorchvision:
    @pytest.mark.parametrize("split", ["train", "test"])
    def test_fake_data(self, monkeypatch, split):
        from torchvision import datasets

        class Fakes(datasets.FakeData):
            def __init__(self):
                super().__init__(size=30, image_size=(3, 32, 32))

        monkeypatch.setattr(datasets, "FakeData", Fakes)
        data = open_dataset("fake-data", Options(split))
        assert len(data) < 30
        assert_same_images(data, Fakes())

    def test_mnist_has_splits_of_its_own(self, tmp_path):
        from torchvision.datasets import MNIST

        for part, n, seed in (("train", 24, 0), ("t10k", 7, 1)):
            raw = tmp_path / "MNIST" / "raw" / part
            images = struct.pack(">IIII", 0x803, n, 28, 28) + noise(n, 28, 28, seed=seed).tobytes()
            write(raw.with_name(f"{part}-images-idx3-ubyte"), images)
            labels = struct.pack(">II", 0x801, n) + bytes(number % 10 for number in range(n))
            write(raw.with_name(f"{part}-labels-idx1-ubyte"), labels)
        for split, n in (("train", 24), ("test", 7)):
            data = open_dataset("mnist", Options(split, root=str(tmp_path)))
            assert data.rows.tolist() == list(range(n))
            assert_same_images(data, MNIST(tmp_path, train=split == "train"))
        some = open_dataset("mnist+per-class=2", Options(root=str(tmp_path)))
        assert (len(some), some.n_rows) == (20, 24)
        assert_same_images(some, MNIST(tmp_path))


class TestParquet:
    @pytest.fixture
    def files(self, tmp_path):
        """Three files of ten images of two classes."""
        for number, name in enumerate(("a", "b", "c")):
            content = [png(4, 5, 3, seed=10 * number + place) for place in range(10)]
            images = pa.array([{"bytes": each, "path": None} for each in content])
            parquet(tmp_path / "shelf" / f"{name}.parquet", {"image": images, "label": [0, 1] * 5})
        return tmp_path / "shelf"

    def elsewhere(self, files, tmp_path):
        datasets = pytest.importorskip("datasets")
        listed = [str(file) for file in sorted(files.glob("*.parquet"))]
        return datasets.load_dataset(
            "parquet", data_files=listed, split="train", cache_dir=str(tmp_path / "cache")
        )

    @pytest.mark.parametrize("split", ["train", "test", "all"])
    def test_several_files_of_which_a_part_is_held_out(self, files, tmp_path, split):
        data = open_dataset(str(files), Options(split))
        assert (len(data) < 30) is (split != "all")
        assert_same_images(data, self.elsewhere(files, tmp_path), opened)

    @pytest.mark.parametrize("variant", ["per-class=4", "noise=0.25"])
    def test_variants(self, files, tmp_path, variant):
        assert_same_images(open_dataset(f"{files}+{variant}"), self.elsewhere(files, tmp_path), opened)

    def test_what_is_selected_is_what_is_trained_on(self, files, tmp_path):
        """Datasets' own `select`, by the rows of a manifest."""
        data = open_dataset(str(files))
        indices = [1, 4, 5, 11, 17]
        kept = manifest_of(data, indices, tmp_path / "m")
        selected = self.elsewhere(files, tmp_path).select(kept.rows())
        assert kept.rows().tolist() == data.rows[indices].tolist() != indices
        for item, pixels in zip(selected, pixels_of(data.take(np.array(indices))), strict=True):
            assert np.array_equal(colours(opened(item), 3), pixels)


def opened(item) -> Image.Image:
    """The image of a row of datasets, which is not decoded where the file does not say that it is one."""
    image = item["image"]
    return Image.open(io.BytesIO(image["bytes"])) if isinstance(image, dict) else image


def test_digits_are_counted_as_scikit_learn_does():
    from sklearn.datasets import load_digits

    data, original = open_dataset("digits"), load_digits()
    assert data.rows[[5, 50, 500]].tolist() == [6, 64, 625]
    assert data.n_rows == 1797
    assert (data.labels == original.target[data.rows]).all()
    pixels = pixels_of(data)[..., 0].astype(np.float64)
    chosen = original.images[data.rows]
    assert np.corrcoef(pixels.ravel(), chosen.ravel())[0, 1] > 0.999
    assert data.header().n_rows == 1797


def test_arrays_are_counted_as_they_lie(tmp_path):
    images = noise(40, 4, 5, 3)
    path = npz(tmp_path / "a.npz", images, [0, 1] * 20)
    for split in ("train", "test"):
        data = open_dataset(path, Options(split))
        assert data.n_rows == 40
        assert np.array_equal(pixels_of(data), images[data.rows])


def test_a_part_of_a_part_still_knows_its_rows():
    data = open_dataset("digits")
    part = data.take(np.array([500, 50, 5])).take(np.array([2, 0]))
    assert (part.rows.tolist(), part.n_rows) == ([6, 625], 1797)

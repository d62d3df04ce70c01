"""Tar shards as WebDataset has them: the same dataset as the folder, at random, and nothing is unpacked."""

import json
import os
import tarfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.commands import assert_error
from helpers.pictures import encoded, noise, tar, write

from curate.data import kept as keeping
from curate.data import tar_images
from curate.data.dataset import Options, open_dataset
from curate.errors import CurateError, DamagedError

ALL = Options("all")


def picture(number: int) -> bytes:
    kind = ("JPEG", "PNG", "WEBP")[number % 3]
    return encoded(noise(20 + number % 4, 30, 3, seed=number), kind)


def ending(number: int) -> str:
    return ("jpg", "png", "webp")[number % 3]


@pytest.fixture
def pictures(here) -> dict[str, bytes]:
    """Photographs of several sizes and formats, as a folder of class folders: `photos`."""
    contents = {}
    for number in range(15):
        contents[f"{'ab'[number > 8]}/{number:02}.{ending(number)}"] = picture(number)
    for name, content in contents.items():
        write(here / "photos" / name, content)
    return contents


def test_folder_tar_shards_and_parquet_are_one_dataset(here, pictures):
    names = sorted(pictures)
    for number, part in enumerate((names[:7], names[7:])):
        tar(here / "shards" / f"{number}.tar", {name: pictures[name] for name in part})
    table = pa.table({"image": [pictures[name] for name in names], "label": [name[0] for name in names]})
    pq.write_table(table, here / "all.parquet", row_group_size=4)
    opened = [open_dataset(name, ALL) for name in ("photos", "shards", "shards/*.tar", "all.parquet")]
    assert len({one.fingerprint for one in opened}) == 1
    assert all(one.classes == ["a", "b"] for one in opened)
    pixels = [one.images.read(np.arange(15)) for one in opened]
    assert all(np.array_equal(pixels[0], other) for other in pixels[1:])


def test_images_are_read_at_random_from_their_places(here, pictures):
    names = sorted(pictures)
    tar(here / "a.tar", {name: pictures[name] for name in names})
    opened = open_dataset("a.tar", Options("all", stream=True, image_size=16))
    whole = open_dataset("photos", Options("all", image_size=16))
    order = np.random.default_rng(0).permutation(15)
    assert opened.images.locality is None
    assert np.array_equal(opened.images.read(order), whole.images.read(order))
    assert opened.name(3) == f"a.tar/{names[3].rpartition('.')[0]}"


def test_labels_are_beside_the_images_as_numbers_names_or_json(here):
    for name, contents, labels, classes in (
        (
            "numbers",
            {"0.png": picture(1), "0.cls": b"2\n", "1.cls": b"0", "1.png": picture(4)},
            [2, 0],
            list("012"),
        ),
        (
            "names",
            {"0.png": picture(1), "0.cls": b"dog", "1.png": picture(4), "1.cls": b"cat"},
            [1, 0],
            ["cat", "dog"],
        ),
        (
            "json",
            {
                "0.png": picture(1),
                "0.json": json.dumps({"label": 1}).encode(),
                "1.png": picture(4),
                "1.json": b'{"cls": 0}',
            },
            [1, 0],
            list("01"),
        ),
    ):
        tar(here / f"{name}.tar", contents)
        opened = open_dataset(f"{name}.tar", ALL)
        assert opened.labels.tolist() == labels
        assert opened.classes == classes


def test_classes_are_those_of_all_splits_and_names_tell_splits(here):
    tar(
        here / "data" / "train-0.tar",
        {"0.png": picture(1), "0.cls": b"cat", "1.png": picture(4), "1.cls": b"dog"},
    )
    tar(here / "data" / "test-0.tar", {"0.png": picture(7), "0.cls": b"emu"})
    assert open_dataset("data").labels.tolist() == [0, 1]
    test = open_dataset("data", Options("test"))
    assert (test.labels.tolist(), test.classes) == ([2], ["cat", "dog", "emu"])


def test_without_labels_it_says_what_to_add(here):
    tar(here / "a.tar", {"0.png": picture(1), "1.png": picture(4)})
    opened = open_dataset("a.tar", ALL)
    assert opened.labels is None
    with pytest.raises(CurateError, match=r"has no labels .* Put \.cls files beside the images"):
        opened.need_labels("training")
    tar(here / "b.tar", {"0.png": picture(1), "1.png": picture(4), "1.cls": b"1"})
    with pytest.raises(CurateError, match="1 samples have no label, such as 0"):
        open_dataset("b.tar", ALL)


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_and_other_members(here, form):
    long = "x" * 150
    contents = {
        "readme.txt": b"hello",
        f"{long}/0.png": picture(1),
        f"{long}/._0.png": b"junk",
        "a/ü.png": picture(4),
    }
    tar(here / "a.tar", contents, form)
    with tarfile.open(here / "a.tar", "a", format=form) as archive:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/" + "y" * 120
        archive.addfile(link)
    opened = open_dataset("a.tar", ALL)
    assert opened.classes == ["a", long]
    assert [opened.name(row) for row in (0, 1)] == [f"a.tar/{long}/0", "a.tar/a/ü"]


def test_names_with_dots_are_samples_of_their_own_where_no_label_is_shared(here):
    tar(here / "a.tar", {"a/x.1.png": picture(1), "a/x.2.png": picture(4), "b/y.png": picture(7)})
    opened = open_dataset("a.tar", ALL)
    assert [opened.name(row) for row in range(3)] == ["a.tar/a/x.1", "a.tar/a/x.2", "a.tar/b/y"]
    tar(here / "b.tar", {"x.1.png": picture(1), "x.2.png": picture(4), "x.cls": b"0"})
    with pytest.raises(DamagedError, match="has two images of the key x: name them apart"):
        open_dataset("b.tar", ALL)


def test_a_path_that_leaves_the_archive_is_a_name_and_nothing_more(here):
    tar(here / "in" / "a.tar", {"../../evil/0.png": picture(1), "/etc/1.png": picture(4)})
    opened = open_dataset("in/a.tar", ALL)
    assert len(opened) == 2
    assert opened.images.read(np.arange(2)).shape[0] == 2
    assert not (here / "evil").exists()
    assert sorted(os.listdir(here / "in")) == ["a.tar"]


def test_a_second_opening_reads_neither_headers_nor_images(here, pictures, monkeypatch):
    path = tar(here / "a.tar", pictures)
    os.utime(path)
    monkeypatch.setattr(keeping, "SETTLED_NS", 20_000_000)
    time.sleep(0.05)
    first = open_dataset("a.tar", ALL)
    monkeypatch.setattr(tar_images, "look_into", lambda path: pytest.fail("its headers are read again"))
    second = open_dataset("a.tar", ALL)
    assert (second.fingerprint, second.looked.n_looked) == (first.fingerprint, 0)
    assert np.array_equal(second.images.read(np.arange(15)), first.images.read(np.arange(15)))


def test_a_changed_archive_is_looked_at_anew_and_refused_while_it_is_open(here, pictures):
    tar(here / "a.tar", pictures)
    opened = open_dataset("a.tar", Options("all", stream=True, image_size=16))
    tar(here / "a.tar", {**pictures, "b/99.png": picture(99)})
    with pytest.raises(CurateError, match=r"a\.tar has changed since the dataset was opened"):
        opened.images.read(np.arange(3))
    assert len(open_dataset("a.tar", ALL)) == 16


def test_what_is_no_archive_is_one_line(here, cli, pictures):
    whole = tar(here / "a.tar", pictures).read_bytes()
    for name, content, said in (
        ("cut", whole[:3000], "is cut off"),
        ("empty", b"", "is cut off"),
        ("noise", noise(2048).tobytes(), "is no tar file, or damaged"),
        ("gzip", b"\x1f\x8b" + whole, r"is compressed \(gzip\)"),
        ("label", _with(here, {"0.png": picture(1), "0.cls": b"\xff"}), "is no readable label"),
        ("json", _with(here, {"0.png": picture(1), "0.json": b"[" * 100_000}), "is no readable label"),
        ("many", _with(here, {"0.png": picture(1), "0.cls": b"9999999999"}), "number its classes from 0"),
        ("minus", _with(here, {"0.png": picture(1), "0.json": b'{"label": -1}'}), "has label -1"),
        ("list", _with(here, {"0.png": picture(1), "0.json": b'{"label": [1]}'}), "is no label"),
        ("none", _with(here, {"notes.txt": b"x"}), "has no samples"),
    ):
        (here / f"{name}.tar").write_bytes(content)
        assert_error(cli("inspect", f"{name}.tar", "--split", "all"), said)


def _with(folder: Path, contents: dict[str, bytes]) -> bytes:
    return tar(folder / "made" / "x.tar", contents).read_bytes()

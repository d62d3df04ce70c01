"""The files below a folder: in order, with sizes and times, and where torchvision counts them."""

import os

import numpy as np
import pytest
from helpers.pictures import png, write
from torchvision.datasets import ImageFolder

from curate.data import listing as listings
from curate.data.listing import Listing


@pytest.fixture(autouse=True, params=["here", "in processes"])
def where(request, monkeypatch):
    """Folders are looked at in this process, or in others."""
    if request.param == "in processes":
        monkeypatch.setattr(listings, "_SOON", 0)
    return request.param


def listed(top, *names) -> Listing:
    listing = Listing(str(top))
    list(listing.add([os.path.join(top, name) for name in names]))
    return listing


def keys(listing: Listing) -> list[str]:
    return [os.fsdecode(key) for key in listing.stamps().keys.to_pylist()]


def test_files_stand_in_order_with_what_the_system_says_of_them(tmp_path):
    for name in ("b/2.png", "a/10.PNG", "a/9.jpg", "a/.hidden.png", "a/notes.txt"):
        write(tmp_path / name, name.encode() * 3)
    listing = listed(tmp_path, "a", "b")
    assert keys(listing) == ["a/10.PNG", "a/9.jpg", "b/2.png"]
    stamps = listing.stamps()
    abouts = [os.stat(tmp_path / key) for key in keys(listing)]
    assert stamps.sizes.tolist() == [about.st_size for about in abouts]
    assert stamps.modified.tolist() == [about.st_mtime_ns for about in abouts]
    assert stamps.changed.tolist() == [about.st_ctime_ns for about in abouts]
    assert stamps.place == os.path.realpath(tmp_path)


def test_places_are_those_of_torchvisions_image_folder(tmp_path):
    """Also where it counts what is hidden here, leaves out an ending, or goes into folders in its way."""
    for name in (
        "a/x.png",
        "a/.h.png",
        "a/w.jfif",
        "b/z/1.png",
        "b/z.png",
        "b/a.png",
        "b/z-/0.png",
        "c/1.png",
    ):
        write(tmp_path / name, png(2, 2))
    (tmp_path / "c" / "more").symlink_to(tmp_path / "a")
    theirs = [os.path.relpath(path, tmp_path) for path, _ in ImageFolder(str(tmp_path)).samples]
    listing = listed(tmp_path, "a", "b", "c")
    rows = listing.rows()
    assert listing.n_elsewhere == len(theirs)
    for key, row in zip(keys(listing), rows, strict=True):
        assert row == (theirs.index(key) if key in theirs else -1)
    assert (rows < 0).sum() == 1  # .jfif


def test_where_torchvision_counts_the_same_files_no_places_are_kept(tmp_path):
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        write(tmp_path / name, png(2, 2))
    assert listed(tmp_path, "a", "b").rows() is None
    write(tmp_path / "a" / ".hidden.png", png(2, 2))
    assert listed(tmp_path, "a", "b").rows().tolist() == [1, 2, 3]


def test_links_and_names_that_are_no_text(tmp_path):
    write(tmp_path / "a" / "1.png", b"x")
    (tmp_path / "a" / "2.png").symlink_to(tmp_path / "a" / "1.png")
    (tmp_path / "a" / "3.png").symlink_to(tmp_path / "nothing")
    odd = os.path.join(os.fsencode(tmp_path), b"a", b"4\xff.png")
    with open(odd, "wb") as file:
        file.write(b"xyz")
    listing = listed(tmp_path, "a")
    assert keys(listing) == ["a/1.png", "a/2.png", "a/3.png", os.fsdecode(b"a/4\xff.png")]
    assert listing.stamps().sizes.tolist() == [1, 1, -1, 3]


def test_an_empty_listing_has_empty_stamps(tmp_path):
    stamps = listed(tmp_path).stamps()
    assert len(stamps.keys) == len(stamps.sizes) == 0
    assert stamps.sizes.dtype == np.int64


def test_folders_that_are_not_ours_are_counted_alone(tmp_path):
    for name in ("a/1.png", "b/1.png", "b/2.png", "c/1.png"):
        write(tmp_path / name, png(2, 2))
    listing = Listing(str(tmp_path))
    paths = [str(tmp_path / name) for name in "abc"]
    assert list(listing.add(paths, {paths[1]})) == [1, 0, 1]
    assert keys(listing) == ["a/1.png", "c/1.png"]
    assert (listing.rows().tolist(), listing.n_elsewhere) == ([0, 3], 4)

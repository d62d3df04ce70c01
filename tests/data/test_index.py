"""The dataset index: what was looked at once is not looked at again, and what changed is."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.pictures import encoded, fingerprint_by_hand, noise, uid_by_hand, write
from PIL import Image

from curate.data import decoding as reading
from curate.data import kept as keeping
from curate.data.dataset import Dataset, Options, open_dataset
from curate.errors import CurateError

N = 12


def content(number: int) -> bytes:
    return encoded(noise(10, 10, 3, seed=number), "JPEG" if number % 2 else "PNG")


def fill(folder: Path, n: int = N) -> list[Path]:
    """Images of two classes, written long enough ago."""
    files = [folder / "ab"[number % 2] / f"{number:02}.x" for number in range(n)]
    files = [file.with_suffix(".jpg" if number % 2 else ".png") for number, file in enumerate(files)]
    for number, file in enumerate(files):
        write(file, content(number))
    time.sleep(0.05)
    return files


@pytest.fixture
def files(here, monkeypatch) -> list[Path]:
    monkeypatch.setenv("CURATE_CACHE", str(here / "cache"))
    return fill(here / "photos")


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """The files that were read, in order."""
    from curate.data.sources import folder

    seen: list[str] = []

    def counted(path: str) -> bytes:
        seen.append(Path(path).name)
        return reading.read_image(path)

    monkeypatch.setattr(folder, "read_image", counted)
    return seen


def _uid_by_hand(path: Path) -> int:
    if path.suffix == ".png":
        return uid_by_hand(np.array(Image.open(path)))
    digest = hashlib.blake2b(b"encoded " + path.read_bytes(), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


def opened(**how) -> Dataset:
    return open_dataset("photos", Options("all", **how))


def test_a_second_opening_reads_no_image_and_gives_the_same(files, read):
    first = opened()
    assert sorted(set(read)) == sorted(file.name for file in files)
    read.clear()
    second = opened()
    assert read == []
    assert second.fingerprint == first.fingerprint
    assert (second.looked.n_looked, second.looked.n) == (0, N)
    assert np.array_equal(second.images.read(np.arange(N)), first.images.read(np.arange(N)))
    assert len(set(read)) == N


def test_what_is_known_is_known_of_a_view_and_of_its_missing_samples(files, read):
    whole = opened()
    read.clear()
    part = opened().placed(np.array([3, -1, 0]), np.arange(3, dtype=np.uint64), None)
    assert len(part.images) == 3
    assert read == []
    assert np.array_equal(part.images.read(np.array([0, 2])), whole.images.read(np.array([3, 0])))


@pytest.mark.parametrize("stream", [False, True])
def test_a_change_costs_only_itself(files, read, stream):
    opened(stream=stream)
    files[3].write_bytes(content(103))
    write(files[0].with_name("zz.png"), content(200))
    files[5].unlink()
    time.sleep(0.05)
    read.clear()
    now = opened(stream=stream)
    assert set(read) == {"03.jpg", "zz.png"}
    assert now.looked.n_looked == 2
    names = [now.name(place) for place in range(len(now))]
    by_hand = [_uid_by_hand(Path(name)) for name in names]
    assert now.uids.tolist() == by_hand
    assert now.fingerprint == fingerprint_by_hand(by_hand, now.labels)


def test_a_file_that_was_replaced_by_one_of_its_size_and_time_is_read_again(files, read):
    before = opened()
    other = files[0].with_suffix(".new")
    other.write_bytes(b"\0" * files[0].stat().st_size)
    other.write_bytes(files[2].read_bytes()[: files[0].stat().st_size].ljust(files[0].stat().st_size, b"\0"))
    about = files[0].stat()
    os.utime(other, ns=(about.st_atime_ns, about.st_mtime_ns))
    time.sleep(0.05)
    other.replace(files[0])
    read.clear()
    after = opened(skip_corrupt=True)
    assert "00.png" in read
    assert after.fingerprint != before.fingerprint


def test_a_file_that_changed_while_it_was_looked_at_is_not_believed(files, read):
    files[4].write_bytes(content(104))  # within a tick of the clock
    opened()
    read.clear()
    assert opened().looked.n_looked <= 1
    assert set(read) <= {"04.png"}


def test_every_split_knows_what_another_has_seen(here, monkeypatch):
    monkeypatch.setenv("CURATE_CACHE", str(here / "cache"))
    for split in ("train", "test"):
        fill(here / "photos" / split)
    for split in ("train", "test"):
        assert open_dataset("photos", Options(split)).looked.n_looked == N
    assert opened().looked.n_looked == 0


def test_files_side_by_side_have_an_index_each(here, monkeypatch):
    monkeypatch.setenv("CURATE_CACHE", str(here / "cache"))
    for name in "ab":
        table = pa.table({"image": [content(number) for number in range(4)], "label": [0, 1, 0, 1]})
        pq.write_table(table, f"{name}.parquet")
    time.sleep(0.05)
    looked = [open_dataset(f"{name}.parquet", Options("all")).looked.n_looked for name in "abab"]
    assert looked == [4, 4, 0, 0]


def test_a_folder_under_another_name_is_the_same_folder(files, here):
    first = opened()
    (here / "link").symlink_to(here / "photos")
    assert open_dataset("link", Options("all")).looked.n_looked == 0
    shutil.copytree(here / "photos", here / "copy")
    copy = open_dataset("copy", Options("all"))
    assert copy.looked.n_looked == N
    assert copy.fingerprint == first.fingerprint


@pytest.mark.parametrize("damage", ["cut", "flipped", "version", "empty"])
def test_a_damaged_index_is_made_anew_and_said(files, caplog, damage, monkeypatch):
    first = opened()
    path = first.looked.path
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[:-100])
    elif damage == "flipped":
        path.write_bytes(whole[:50] + bytes([whole[50] ^ 255]) + whole[51:])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        monkeypatch.setattr(keeping, "VERSION", keeping.VERSION + 1)
    again = opened()
    assert again.looked.n_looked == N
    assert again.fingerprint == first.fingerprint
    assert "is damaged or of another version: it is made anew" in caplog.text
    assert opened().looked.n_looked == 0


def test_images_that_cannot_be_read_are_named_every_time(files, caplog):
    files[0].write_bytes(b"no image")
    time.sleep(0.05)
    for _ in range(2):
        caplog.clear()
        assert len(opened(skip_corrupt=True)) == N - 1
        assert "00.png" in caplog.text
        with pytest.raises(CurateError, match="not a readable image"):
            opened(skip_corrupt=False)


def test_to_skip_for_certain_what_was_only_looked_at_is_decoded(files, read):
    """A JPEG that has its ends is taken for readable, until somebody asks to be sure."""
    whole = files[1].read_bytes()
    files[1].write_bytes(whole.replace(b"\xff\xdb", b"\xff\xfe"))  # its quantization tables are a comment
    time.sleep(0.05)
    assert len(opened(stream=True, skip_corrupt=False)) == N
    assert len(opened(stream=True, skip_corrupt=True)) == N - 1


def test_images_of_several_sizes_are_known_as_well(files, read):
    write(files[0], encoded(noise(30, 20, 3)))
    time.sleep(0.05)
    first = opened()
    read.clear()
    second = opened()
    assert read == []
    assert second.images.shape == first.images.shape == (16, 16, 3)
    assert np.array_equal(second.images.read(np.arange(N)), first.images.read(np.arange(N)))


def test_without_a_cache_that_can_be_written_all_goes_on(files, here, monkeypatch):
    (here / "cache").write_text("a file")
    assert opened().fingerprint == opened().fingerprint


def test_what_changes_after_it_was_opened_is_refused_when_it_is_read(files):
    opened()
    late = opened()
    files[0].write_bytes(content(104))
    with pytest.raises(CurateError, match=r"00\.png has changed since the dataset was opened"):
        late.images.read(np.arange(1))


def test_a_pass_that_was_killed_goes_on_and_two_at_once_agree(here):
    """Every image takes a while and parts are kept at once, so a kill comes in the middle."""
    fill(here / "photos", 600)
    program = (
        "import time, sys\n"
        "from curate.data import index, scan\n"
        "index._PART_SECONDS, scan._CHUNK = 0.0, 16\n"
        "whole = scan.uid_of\n"
        "scan.uid_of = lambda *a: (time.sleep(0.002), whole(*a))[1]\n"
        "from curate.__main__ import main\n"
        "main()\n"
    )
    words = [sys.executable, "-c", program, "index", "photos", "--split", "all", "--json"]
    own = {**os.environ, "CURATE_CACHE": str(here / "cache")}
    running = subprocess.Popen(words, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not list((here / "cache").glob("index/*.part")):
        assert time.monotonic() < until
        time.sleep(0.02)
    running.kill()
    running.wait()
    both = [subprocess.Popen(words, env=own, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0] for process in both]
    told = [json.loads(one) for one in said]
    assert all(one["n_looked"] < 600 for one in told)
    assert told[0]["fingerprint"] == told[1]["fingerprint"]
    os.environ["CURATE_CACHE"], before = str(here / "cache"), os.environ["CURATE_CACHE"]
    try:
        done = opened()
    finally:
        os.environ["CURATE_CACHE"] = before
    assert done.looked.n_looked == 0
    assert done.fingerprint == told[0]["fingerprint"]
    assert not list((here / "cache").glob("index/*.part"))

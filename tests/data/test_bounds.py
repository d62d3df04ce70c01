"""Data of others cannot fill the memory, nor be waited for: every size is looked at before it is read."""

import io
import os
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.pictures import ALL, encoded, noise, write

from curate.data.dataset import Options, open_dataset
from curate.data.own import from_arrays
from curate.data.parquet_images import read_parquet
from curate.data.source import Request
from curate.errors import CurateError

FAR = 10**9


@pytest.fixture
def odd_folder(tmp_path):
    """A folder of images, with files that are none under names of images."""
    for row in range(3):
        write(tmp_path / f"photos/cat/{row}.png", encoded(noise(8, 8, seed=row)))
        write(tmp_path / f"photos/dog/{row}.png", encoded(noise(8, 8, seed=9 + row)))
    odd = tmp_path / "photos" / "cat"
    os.mkfifo(odd / "fifo.png")
    (odd / "zero.png").symlink_to("/dev/zero")
    (odd / "gone.jpg").symlink_to("nowhere.jpg")
    with (odd / "sparse.png").open("wb") as file:
        file.truncate(60 * 2**30)
    return tmp_path / "photos"


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_no_file_is_left_out_by_name_and_nothing_is_waited_for(odd_folder, stream):
    found = open_dataset(str(odd_folder), Options("all", skip_corrupt=True, stream=stream))
    assert len(found) == 6
    assert [os.path.basename(name) for name in found.skipped] == [
        "fifo.png", "gone.jpg", "sparse.png", "zero.png",
    ]  # fmt: skip
    with pytest.raises(CurateError, match=r"4 of 10 images cannot be read, .*fifo\.png is no regular file"):
        open_dataset(str(odd_folder), Options("all", stream=stream))


def test_jfif_and_avif_are_read(tmp_path):
    write(tmp_path / "photos/cat/1.jfif", encoded(noise(8, 8, 3), "JPEG"))
    write(tmp_path / "photos/dog/1.avif", encoded(noise(8, 8, 3), "AVIF"))
    found = open_dataset(str(tmp_path / "photos"), ALL)
    assert (len(found), found.classes, found.rows.tolist()) == (2, ["cat", "dog"], [-1, -1])


def test_a_label_of_a_thousand_million_makes_no_list_of_classes(tmp_path):
    images = noise(3, 4, 4)
    with pytest.raises(CurateError, match="has a label 1,000,000,000 and 3 samples: number its classes"):
        from_arrays(images, np.array([0, 1, FAR]))
    np.savez(tmp_path / "a.npz", x=images, y=np.array([0, 1, FAR]))
    pq.write_table(
        pa.table({"image": [encoded(one) for one in images], "label": [0, 1, FAR]}), tmp_path / "a.parquet"
    )
    for name in ("a.npz", "a.parquet"):
        with pytest.raises(CurateError, match="has a label 1,000,000,000 and 3 samples: number its classes"):
            open_dataset(str(tmp_path / name), ALL)


@pytest.mark.parametrize("nested", [False, True])
def test_an_image_that_a_file_repeats_by_number_is_not_unpacked_without_end(tmp_path, nested):
    """A hundred kilobytes that would unpack to 600 MB: an image is there once, and its place 6,000 times."""
    one = noise(100_000).tobytes()
    images = pa.array([one] * 6000, pa.binary())
    if nested:
        images = pa.StructArray.from_arrays([images, pa.array(["a"] * 6000)], ["bytes", "path"])
    pq.write_table(pa.table({"image": images, "label": ["a", "b"] * 3000}), tmp_path / "a.parquet")
    del images
    before = pa.total_allocated_bytes()
    with pytest.raises(CurateError, match="bytes and unpacks to more than 268,435,456"):
        read_parquet([tmp_path / "a.parquet"], tmp_path, Request("a")).read(0)
    assert pa.total_allocated_bytes() - before < 350_000_000


def test_images_beyond_a_dictionary_are_read(tmp_path):
    """A writer begins with numbered values, and goes on with plain ones where they are too many."""
    images = [noise(2000, seed=row).tobytes() for row in range(900)]
    structs = pa.StructArray.from_arrays(
        [pa.array(images, pa.binary()), pa.array(["a"] * 900)], ["bytes", "path"]
    )
    pq.write_table(pa.table({"image": structs, "label": [0, 1] * 450}), tmp_path / "a.parquet")
    samples = read_parquet([tmp_path / "a.parquet"], tmp_path, Request("a"))
    assert [samples.read(row) for row in range(900)] == images


def test_rows_of_several_groups_and_files_are_found(tmp_path):
    images = [noise(50, seed=row).tobytes() for row in range(10)]
    for number, rows in enumerate((images[:7], images[7:])):
        labels = ["b" if row % 2 else "a" for row in range(len(rows))]
        pq.write_table(
            pa.table({"image": rows, "label": labels}), tmp_path / f"{number}.parquet", row_group_size=3
        )
    samples = read_parquet(sorted(tmp_path.glob("*.parquet")), tmp_path, Request("a"))
    assert [samples.read(row) for row in range(10)] == images
    assert samples.labels.tolist() == [0, 1, 0, 1, 0, 1, 0, 0, 1, 0]


def test_parquet_that_unpacks_to_far_more_than_it_has_is_not_read(tmp_path):
    zeros = pa.array([bytes(2**20)] * 300, pa.binary())
    pq.write_table(
        pa.table({"image": zeros}), tmp_path / "a.parquet", compression="zstd", use_dictionary=False
    )
    with pytest.raises(CurateError, match=r"bytes and unpacks to 0\.3 GiB: not read"):
        open_dataset(str(tmp_path / "a.parquet"), ALL)


def test_a_label_that_fills_a_page_is_no_class(tmp_path):
    images = [encoded(noise(4, 4, seed=row)) for row in range(2)]
    pq.write_table(pa.table({"image": images, "label": ["a", "b" * 5000]}), tmp_path / "a.parquet")
    with pytest.raises(CurateError, match="a column of labels has a word of 5,000 letters"):
        open_dataset(str(tmp_path / "a.parquet"), ALL)


@pytest.mark.parametrize(
    "metadata",
    ["[" * 200_000, '{"info": {"features": 7}}', '{"info": {"features": {"label": {"names": 7}}}}', "7", "{"],
)
def test_what_hugging_face_metadata_says_is_not_believed(tmp_path, metadata):
    images = [encoded(noise(4, 4, seed=row)) for row in range(2)]
    table = pa.table({"image": images, "label": [0, 1]})
    pq.write_table(table.replace_schema_metadata({"huggingface": metadata}), tmp_path / "a.parquet")
    assert open_dataset(str(tmp_path / "a.parquet"), ALL).classes == ["0", "1"]


def test_an_npz_that_unpacks_to_far_more_than_it_has_is_not_read(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((300, 1024, 1024), np.uint8))
    with pytest.raises(CurateError, match=r"bytes and unpacks to 0\.3 GiB: it is not read"):
        open_dataset(str(tmp_path / "a.npz"), ALL)


@pytest.mark.parametrize("shape", ["(1000000000000, 28, 28)", "(-1, 28, 28)", "(0.5, 28)", "7"])
def test_an_array_that_claims_more_than_it_has_is_not_read(tmp_path, shape):
    claims = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header = claims + b" " * (118 - len(claims) - 1) + b"\n"
    array = io.BytesIO()
    np.save(array, np.zeros(3, np.int64))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(99))
        archive.writestr("y.npy", array.getvalue())
    with pytest.raises(CurateError, match=r"a\.npz is not a readable \.npz file"):
        open_dataset(str(tmp_path / "a.npz"), ALL)


def test_names_that_are_no_utf8_survive_every_command(here, cli):
    """Folders and files from another time, whose names are bytes of another alphabet."""
    for name in (b"caf\xe9", b"tea"):
        os.makedirs(b"photos/" + name)
        for row in range(12):
            with open(b"photos/%s/%d\xfe.png" % (name, row), "wb") as file:
                file.write(encoded(noise(8, 8, seed=row + 99 * len(name))))
    assert cli("embed", "photos", "--dim", 3, "-o", "e.safetensors").code == 0
    assert cli("cluster", "e.safetensors", "-k", 2, "--strategy", "random", "-o", "m").code == 0
    for words in (
        ("inspect", "photos"),
        ("inspect", "m", "--html", "page.html", "--sheet", "s.png"),
        ("replay", "m", "--epochs", 1, "--trials", 1, "--set", "width=2"),
        ("export", "m", "--to", "csv", "-o", "m.csv"),
        ("export", "m", "--to", "imagefolder-list", "-o", "m.txt"),
        ("push", "m", "ann/b", "--dry-run"),
    ):
        done = cli(*words)
        assert done.code == 0, done.err
    listed = (here / "m.txt").read_bytes().splitlines()
    assert all(os.path.exists(b"photos/" + name) for name in listed)
    assert b"caf\xe9" in (here / "m.csv").read_bytes()

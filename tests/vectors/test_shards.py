"""Vectors in several files: a folder or a glob of them is one embedding, and none is missing in between."""

import os
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.commands import assert_error
from safetensors.numpy import save_file

import curate
from curate.data import kept as keeping
from curate.errors import CurateError
from curate.vectors import opening
from curate.vectors.foreign import RowGroupVectors, open_foreign
from curate.vectors.opening import open_embedding

VECTORS = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)


def save(path, vectors):
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, vectors)
    elif path.suffix == ".npz":
        np.savez(path, embeddings=vectors, labels=np.arange(len(vectors)) % 2)
    elif path.suffix == ".safetensors":
        save_file({"vectors": vectors}, path)
    else:
        pq.write_table(pa.table({"id": range(len(vectors)), "vector": list(vectors)}), path, row_group_size=7)


@pytest.fixture(params=[".npy", ".npz", ".safetensors", ".parquet"])
def shards(request, here):
    """Eleven shards of different lengths, whose names are not in the order of their letters."""
    bounds = [0, 1, 9, 12, 20, 24, 25, 33, 40, 48, 50, 60]
    for number in range(11):
        save(here / "v" / f"part-{number}{request.param}", VECTORS[bounds[number] : bounds[number + 1]])
    return request.param


def test_a_folder_and_a_glob_are_one_embedding(here, shards, cli):
    np.save("whole.npy", VECTORS)
    whole = open_embedding("whole.npy")
    for name in ("v", f"v/part-*{shards}"):
        opened = open_embedding(name)
        assert np.array_equal(opened.read(0, 60), VECTORS)
        for start, stop in ((0, 1), (5, 26), (24, 25), (59, 60), (0, 60)):
            assert np.array_equal(opened.read(start, stop), VECTORS[start:stop])
        assert opened.uids.tolist() == whole.uids.tolist()
    table = curate.cluster("v", 3, output="t.parquet")
    alone = curate.cluster("whole.npy", 3, output="w.parquet")
    assert table.columns["cluster"].tolist() == alone.columns["cluster"].tolist()
    assert cli("cluster", "v", "-k", 3, "--strategy", "furthest", "--keep", 9, "-o", "m").code == 0
    assert cli("score", "v", "--method", "duplicate", "-o", "s.parquet").code == 0
    assert "60 of 4 numbers" in " ".join(cli("inspect", "v").out.split())


def test_labels_in_the_shards_are_those_of_all(here):
    for number, part in enumerate((VECTORS[:31], VECTORS[31:])):
        save(here / "v" / f"{number}.npz", part)
    expected = np.concatenate([np.arange(31) % 2, np.arange(29) % 2])
    assert open_embedding("v").labels.tolist() == expected.tolist()


def test_float16_is_read_and_its_infinity_is_named(here):
    half = VECTORS.astype(np.float16)
    for number in range(3):
        save(here / "v" / f"{number}.npy", half[number * 20 : (number + 1) * 20])
    assert np.array_equal(open_embedding("v").read(0, 60), half.astype(np.float32))
    half[45, 2] = np.inf
    save(here / "v" / "2.npy", half[40:])
    with pytest.raises(CurateError, match="the vector of sample 45 has NaN or infinity"):
        curate.cluster("v", 3)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["part-0.npy", "part-1.npy", "part-3.npy"], "v lacks shard 2 among part-0.npy to part-3.npy"),
        (["a-00001-of-00004.npy", "a-00002-of-00004.npy", "a-00004-of-00004.npy"], "v lacks shard 3 "),
        (["a-00000-of-00003.npy", "a-00001-of-00003.npy"], "v lacks shard 2 "),
        (["7.npy", "8.npy", "20.npy"], "v lacks shard 9 and 10 more"),
        (["a.npy", "b.parquet"], "v has vectors in .npy and .parquet: name those of one ending"),
    ],
)
def test_a_shard_that_is_missing_is_named(here, cli, names, said):
    for name in names:
        save(here / "v" / name, VECTORS[:5])
    assert_error(cli("cluster", "v", "-k", 2), said)


@pytest.mark.parametrize(
    "names", [["a.npy", "c.npy"], ["x-2020.npy", "y-2023.npy"], ["5.npy"], ["a1b2.npy", "a2b4.npy"]]
)
def test_names_that_do_not_count_are_no_reason(here, names):
    for name in names:
        save(here / "v" / name, VECTORS[:5])
    assert open_embedding("v").n == 5 * len(names)


def test_shards_of_different_width_are_refused(here, cli):
    save(here / "v" / "0.npy", VECTORS)
    save(here / "v" / "1.npy", VECTORS[:, :3])
    assert_error(cli("cluster", "v", "-k", 2), r"1.npy has shape \[60, 3\] and v/0.npy has \[60, 4\]")


def test_an_embedding_of_ours_is_no_shard(here, cli):
    curate.embed("digits", dim=3, output="v.safetensors")
    (here / "v").mkdir()
    os.rename("v.safetensors", here / "v" / "1.safetensors")
    save(here / "v" / "0.safetensors", VECTORS)
    assert_error(cli("cluster", "v", "-k", 2), "1.safetensors is an embedding of curate's, and no shard")


def test_parquet_is_read_a_row_group_at_a_time(here, monkeypatch):
    save(here / "a.parquet", VECTORS)
    read, whole = [], RowGroupVectors._group
    monkeypatch.setattr(
        RowGroupVectors, "_group", lambda self, group: (read.append(group), whole(self, group))[1]
    )
    found = open_foreign(here / "a.parquet")
    read.clear()
    assert np.array_equal(found.read(8, 15), VECTORS[8:15])
    assert read == [1, 2]


def test_vectors_of_different_length_are_refused_where_they_are(here):
    pq.write_table(pa.table({"v": [[1.0, 2.0]] * 4 + [[1.0, 2.0, 3.0]] * 4}), "a.parquet", row_group_size=4)
    with pytest.raises(CurateError, match="differ in length"):
        open_embedding("a.parquet")


def test_uids_of_many_vectors_are_worked_out_once(here, monkeypatch):
    monkeypatch.setenv("CURATE_CACHE", str(here / "cache"))
    monkeypatch.setattr(opening, "_MANY_BYTES", 256)
    monkeypatch.setattr(keeping, "SETTLED_NS", 20_000_000)
    save(here / "v" / "0.npy", VECTORS[:30])
    save(here / "v" / "1.npy", VECTORS[30:])
    time.sleep(0.05)
    first, whole = open_embedding("v").uids, opening._uids_of_vectors
    monkeypatch.setattr(opening, "_uids_of_vectors", lambda *_: pytest.fail("they are worked out again"))
    assert open_embedding("v").uids.tolist() == first.tolist()
    monkeypatch.setattr(opening, "_uids_of_vectors", whole)
    save(here / "v" / "1.npy", VECTORS[:30])
    assert open_embedding("v").uids.tolist() == [*first[:30].tolist(), *first[:30].tolist()]

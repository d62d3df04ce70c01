"""Tables, embeddings, traces and results with good seals that contradict themselves: refused as they open."""

import shutil
import struct

import numpy as np
import pyarrow as pa
import pytest
from helpers.commands import assert_error
from helpers.forging import forged_embedding, forged_parquet
from helpers.results import ROW
from helpers.tables import clusters_table, seen_of, traced

import curate
from curate.artifacts.results import add_results, read_results
from curate.artifacts.tables import open_table
from curate.errors import CurateError, DamagedError
from curate.scores.trace import open_trace
from curate.vectors.opening import open_embedding


def cell(name, place, value):
    def change(groups):
        groups[0][name][place] = value

    return change


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.parquet"
    clusters_table(path, [0, 1, 1, 0], [0.5, 1, 2, 3], label=[0, 1, 2, 0], seal=True)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (cell("index", 0, 7), "samples are not numbered 0 to 3 in order"),
        (cell("index", 1, None), "samples have no index in some places"),
        (cell("uid", 1, None), "samples have no uid in some places"),
        (cell("label", 2, 3), "samples have a label outside of 0 to 2"),
        (cell("label", 2, 2**33), "samples have a label outside of 0 to 2"),
        (cell("cluster", 2, 2**30), "samples have a cluster outside of 0 to 3"),
        (cell("cluster", 2, -1), "samples have a cluster outside of 0 to 3"),
        (lambda groups: groups[0].pop("distance"), "its header tells of a column distance, which it has not"),
    ],
)
def test_a_table_that_contradicts_itself(table, change, said, cli, here):
    forged_parquet(table, change)
    with pytest.raises(DamagedError, match=f"contradicts itself: {said}"):
        open_table(table)
    for words in (("inspect", table), ("select", table), ("compare", table, table)):
        assert_error(cli(*words), f"contradicts itself: {said}")


def test_a_column_that_ranks_holds_numbers(table):
    def words(groups):
        groups[0]["distance"] = ["near", "far", "far", "near"]

    forged_parquet(table, words, types={"distance": pa.string()})
    with pytest.raises(DamagedError, match="its column distance ranks samples, and holds no numbers"):
        open_table(table)


def test_a_column_of_lists_is_of_no_table(table):
    def lists(groups):
        groups[0]["distance"] = [[1.0]] * 4

    forged_parquet(table, lists, types={"distance": pa.list_(pa.float32())})
    with pytest.raises(DamagedError, match="columns of other types"):
        open_table(table)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vectors": np.zeros((4, 3), np.float32)}, "has vectors F32"),
        ({"vectors": np.zeros(1443, np.float32)}, "has vectors F32"),
        ({"vectors": np.zeros((1443, 0), np.float32)}, "has vectors F32"),
        ({"vectors": np.zeros((1443, 2), np.float64)}, "has vectors F64"),
        ({"uid": np.zeros(3, np.uint64)}, "has a uid"),
        ({"uid": np.zeros(1443, np.float32)}, "has a uid"),
        ({"label": np.full(1443, 2**33)}, "a label outside of 0 to 9"),
        ({"row": np.full(1443, -7)}, "a row outside of -1 to"),
    ],
)
def test_an_embedding_that_contradicts_itself(digits_round, tmp_path, change, said, cli):
    path = shutil.copy(digits_round.embedding, tmp_path / "e.safetensors")
    forged_embedding(path, lambda held: held.update(change))
    with pytest.raises(DamagedError, match=said):
        open_embedding(path)
    for words in (("inspect", path), ("cluster", path)):
        assert_error(cli(*words), said)


@pytest.mark.parametrize(
    "change",
    [
        cell("index", 0, 3),
        cell("index", 0, -1),
        cell("index", 0, 1),
        cell("model", 2, 1),
        cell("epoch", 0, 1),
    ],
)
def test_a_trace_that_contradicts_itself(tmp_path, change):
    nothing = np.zeros(3, np.float32)
    path = traced(tmp_path, 3, [[seen_of(3, nothing, nothing, nothing, nothing > 0)]]).path
    assert len(list(open_trace(path).epochs())) == 1
    forged_parquet(path, change)
    with pytest.raises(DamagedError, match="contradicts itself in epoch 0"):
        list(open_trace(path).epochs())


def test_a_trace_whose_bytes_go_while_it_is_read_is_damaged(tmp_path):
    nothing = np.zeros(3, np.float32)
    path = traced(tmp_path, 3, [[seen_of(3, nothing, nothing, nothing, nothing > 0)]]).path
    trace = open_trace(path)
    path.write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    with pytest.raises(DamagedError):
        list(trace.epochs())


def test_a_manifest_whose_bytes_go_while_it_is_read_is_damaged(digits_round, tmp_path):
    folder = shutil.copytree(digits_round.manifest, tmp_path / "m")
    manifest = curate.open_manifest(folder)
    for name in ("selection.parquet", "samples.parquet"):
        (folder / name).write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    for read in (lambda: manifest.selected(0), lambda: manifest.samples, lambda: manifest.weights(0)):
        with pytest.raises(DamagedError, match="is not a readable manifest"):
            read()


@pytest.mark.parametrize(
    ("change", "types", "said"),
    [
        (lambda group: group.update(accuracy=[None]), {}, "has no accuracy in some rows"),
        (lambda group: group.update(seed=["x"]), {"seed": pa.string()}, "a column seed of string"),
        (lambda group: group.pop("name"), {}, "is not a readable results file"),
    ],
)
def test_results_that_contradict_themselves(tmp_path, change, types, said):
    path = tmp_path / "r.parquet"
    add_results(path, [ROW])
    forged_parquet(path, lambda groups: change(groups[0]), types=types)
    with pytest.raises(DamagedError, match=said):
        read_results(path)


def test_vectors_of_others_are_numbers(tmp_path, cli):
    for name, values in {
        "complex": np.zeros((4, 2), complex),
        "words": np.array([["a", "b"]] * 4),
        "dates": np.zeros((4, 2), "datetime64[s]"),
    }.items():
        np.save(tmp_path / f"{name}.npy", values)
        assert_error(cli("cluster", tmp_path / f"{name}.npy"), "store vectors as float32")
    claims = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 512), }"
    header = claims + b" " * (128 - 10 - len(claims) - 1) + b"\n"
    path = tmp_path / "claims.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(64))
    with pytest.raises(CurateError, match=r"is not a readable \.npy file"):
        open_embedding(path)

"""Manifests written by hand: twenty samples over three epochs, a header, and two samples to export.

The samples are every other one of a source, from its second on, so that no index is the row of its sample.
"""

import numpy as np
import pytest

import curate
from curate.artifacts.header import DatasetReference, make_header
from curate.manifests.export import Exportable
from curate.manifests.manifest import Selected, write_manifest


def header_for(n, fingerprint="0" * 64):
    dataset = DatasetReference("x", "all", n, [], fingerprint)
    return make_header("manifest", "train", {}, seed=0, dataset=dataset)


N = 20
N_ROWS = 2 * N + 1
EPOCHS = [[0, 3, 5, 7, 11], [1, 3, 19], [2, 4, 6, 8, 10, 12, 14]]
ROWS = [[2 * index + 1 for index in kept] for kept in EPOCHS]


def made(folder, epochs=EPOCHS, weights=None, n=N, rows=None, n_rows=None):
    """A manifest written by hand; row = 2 * index + 1, unless `rows` are given."""
    rows = 2 * np.arange(n) + 1 if rows is None else rows
    n_rows = 2 * n + 1 if n_rows is None else n_rows
    dataset = DatasetReference("hand", "all", n, ["cat", "dog"], "0" * 64, n_rows=n_rows)
    summary = {"policy": "hand", "checkpoints": list(range(len(epochs)))}
    header = make_header("manifest", "train", {}, seed=0, dataset=dataset, summary=summary)
    uids = np.arange(n, dtype=np.uint64)[::-1] * np.uint64(2**59)
    samples = {"index": np.arange(n), "row": rows, "uid": uids, "label": np.arange(n) % 2}
    selection = [
        Selected(np.array(kept), None if weights is None else np.full(len(kept), weights, np.float32))
        for kept in epochs
    ]
    return write_manifest(folder, header, selection, samples).path


@pytest.fixture
def dynamic(tmp_path):
    return curate.load_manifest(made(tmp_path / "dynamic"))


@pytest.fixture
def static(tmp_path):
    return curate.load_manifest(made(tmp_path / "static", EPOCHS[:1]))


def two_samples(**changes):
    """What an epoch of two selected samples gives to an export format; what is not asked for is an error."""

    def not_asked_for():
        raise AssertionError("nobody should ask for this")

    given = {
        "rows": np.array([3, 7]),
        "uids": np.array([2**63 + 1, 0xAB], np.uint64),
        "labels": ["cat", "dog"],
        "weights": np.array([1, 0.5], np.float32),
        "keys": not_asked_for,
        "files": not_asked_for,
    }
    return Exportable(**{**given, **changes})

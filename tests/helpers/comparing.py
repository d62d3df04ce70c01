"""What the tests of comparing and combining share: small sealed tables and manifests of ten samples."""

import numpy as np
import pytest

from curate.artifacts.header import DatasetReference, RankingColumn, make_header
from curate.artifacts.tables import write_table
from curate.data.identity import fingerprint
from curate.manifests.manifest import Selected, write_manifest

UIDS = [100, 101, 102, 103, 104, 105, 106, 107, 108, 109]
LABELS = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
ORDER = (3, 1, 4, 0, 5, 9, 2, 6, 8, 7)  # of another copy


def header_of(kind, uids, labels=None, classes=("cat", "dog"), of="", columns=None):
    numbers = None if labels is None else np.array(labels, np.int64)
    known_by = fingerprint(np.array(uids, np.uint64), numbers)
    dataset = DatasetReference("hand", "all", len(uids), list(classes), known_by)
    return make_header(kind, "score", {"of": of}, seed=0, dataset=dataset, columns=columns)


def columns_of(uids, labels=None):
    columns = {"index": np.arange(len(uids)), "uid": np.array(uids, np.uint64)}
    return columns if labels is None else columns | {"label": np.array(labels, np.int64)}


def scores(path, values, *, uids=None, labels=None, hard_is="high", classes=("cat", "dog")):
    """A sealed table of one score, `el2n`."""
    uids = UIDS[: len(values)] if uids is None else uids
    ranking = {"el2n": RankingColumn(hard_is)}
    header = header_of("scores", uids, labels, classes, of=path.name, columns=ranking)
    return write_table(path, header, columns_of(uids, labels) | {"el2n": np.array(values, np.float64)}).path


def manifest(path, epochs, *, uids=UIDS, labels=None, weight=None):
    """A manifest that selects the given samples, epoch by epoch."""
    chosen = [Selected(np.array(sorted(e)), weight and np.full(len(e), weight)) for e in epochs]
    return write_manifest(path, header_of("manifest", uids, labels), chosen, columns_of(uids, labels)).path


def moved(values):
    """What belongs to the samples, as the other copy has it."""
    return [values[sample] for sample in ORDER]


@pytest.fixture(scope="module")
def things(tmp_path_factory):
    """A few things that go together, or not."""
    here = tmp_path_factory.mktemp("things")
    scores(here / "a.parquet", [3, 1, 4, 1, 5, 9, 2, 6, 5, 3])
    scores(here / "down.parquet", [3, 1, 4, 1, 5, 9, 2, 6, 5, 3], hard_is="low")
    scores(here / "flat.parquet", [1] * 10)
    scores(here / "b.parquet", [2, 7, 1, 8, 2, 8, 1, 8, 2, 8])
    scores(here / "lost.parquet", [1, 2, 3, float("nan"), 5, 6, 7, 8, 9, 10])
    scores(here / "else.parquet", [1, 2, 3], uids=[7, 8, 9])
    sessions = {"m": [{1, 2, 3}], "n": [{3, 4}], "two": [{1}, {2}], "three": [{1}, {2}, {3}]}
    for name, epochs in sessions.items():
        manifest(here / name, epochs)
    manifest(here / "heavy", [{1, 2}], weight=2.0)
    (here / "photos").mkdir()
    return here


@pytest.fixture
def folder(things, monkeypatch):
    monkeypatch.chdir(things)
    return things

"""Rows of a manifest: those written down, and those of a manifest from before they were."""

from pathlib import Path

import numpy as np
import pytest
from helpers.manifests import N, made

import curate
from curate.artifacts.header import DatasetReference, make_header
from curate.errors import CurateError
from curate.manifests.manifest import Selected, open_manifest, rows_of, write_manifest

COMMITTED = Path(__file__).parents[2] / "manifests"


def old(folder, reference, split="train", uids=(5, 6, 7), **more):
    """A manifest without the column `row`, whose header does not know how many there are."""
    n = len(uids)
    dataset = DatasetReference(reference, split, n, ["a"], "0" * 64, **more)
    header = make_header("manifest", "select", {}, seed=0, dataset=dataset)
    samples = {"index": np.arange(n), "uid": np.array(uids, np.uint64), "label": np.zeros(n, np.int64)}
    return write_manifest(folder, header, [Selected(np.array([0, 2]))], samples)


def test_the_column_stands_behind_the_index_and_says_where_samples_are(tmp_path):
    manifest = open_manifest(made(tmp_path / "m"))
    assert list(manifest.samples)[:3] == ["index", "row", "uid"]
    assert manifest.rows.tolist() == list(range(1, 2 * N, 2))
    assert (manifest.n, manifest.n_rows) == (N, 2 * N + 1)
    assert rows_of(manifest, np.array([4, 0])).tolist() == [9, 1]
    assert rows_of(manifest, np.array([], np.int64)).tolist() == []


@pytest.mark.parametrize(
    ("reference", "split", "uids", "more"),
    [
        ("mnist", "train", (5, 6, 7), {}),  # a part that was held out would not have 5, nor the rest
        ("fake_data", "train", (1, 10), {}),
        ("digits", "all", (1, 2), {}),
        ("hf:ann/shapes", "train", (0, 1), {}),
        ("shelf/train-*.parquet", "test", (4, 5), {}),
        ("a.npz", "all", (2,), {}),
        ("v.npy", "all", (2,), {"vectors_only": True}),
    ],
)
def test_an_old_one_of_a_whole_split_has_rows_that_are_its_indices(tmp_path, reference, split, uids, more):
    manifest = old(tmp_path / "m", reference, split, (*uids, *uids, *uids)[:3], **more)
    assert manifest.rows.tolist() == [0, 1, 2]
    assert (manifest.n_rows, manifest.n) == (3, 3)
    kept = curate.load_manifest(tmp_path / "m")
    assert kept.rows().tolist() == [0, 2]
    assert kept.mask().tolist() == [True, False, True]
    assert sorted(kept.sampler()) == [0, 2]


@pytest.mark.parametrize(
    ("reference", "split", "uids", "more"),
    [
        ("digits", "train", (1, 2, 3), {}),  # 5 divides none: they may be held out
        ("digits", "test", (5, 10, 15), {}),  # they may be what was held out
        ("mnist", "test", (1, 2, 3), {}),
        ("photos", "all", (4, 5, 6), {}),
        ("mnist+per-class=10", "train", (4, 5, 6), {}),
        ("cinic10+join=val", "train", (4, 5, 6), {}),
        ("x.parquet", "all", (4, 5, 6), {"skip_corrupt": True, "skipped": ["row 3"]}),
        ("hand", "all", (4, 5, 6), {}),
    ],
)
def test_an_old_one_that_may_count_otherwise_opens_and_has_no_rows(tmp_path, reference, split, uids, more):
    manifest = old(tmp_path / "m", reference, split, uids, **more)
    assert open_manifest(tmp_path / "m").selected(0).indices.tolist() == [0, 2]
    message = "was made before rows were written down, and its indices may not be those of"
    kept = curate.load_manifest(tmp_path / "m")
    for refused in (lambda: manifest.rows, kept.rows, kept.mask, kept.weights, kept.sampler):
        with pytest.raises(CurateError, match=message):
            refused()
    with pytest.raises(CurateError, match="make it again with this version"):
        curate.export(tmp_path / "m", "npy", output=tmp_path / "rows.npy")
    assert not (tmp_path / "rows.npy").exists()


def test_an_old_one_goes_by_what_it_holds_whatever_its_header_asks_for(tmp_path):
    """Of a split named test with samples of both kinds nothing was held out."""
    assert old(tmp_path / "m", "mnist", "test", (5, 6, 10)).rows.tolist() == [0, 1, 2]


def test_the_manifests_that_are_committed_open_and_give_the_rows_they_surely_have():
    whole = curate.load_manifest(COMMITTED / "mnist-hybrid-600")
    assert (whole.rows() == whole.manifest.selected(0).indices).all()
    for folder in COMMITTED.iterdir():
        if (folder / "manifest.json").exists():
            manifest = open_manifest(folder)
            held_out = manifest.header.dataset.reference == "digits"
            if "row" not in manifest.samples and held_out:
                with pytest.raises(CurateError, match="before rows were written down"):
                    _ = manifest.rows
            else:
                assert len(manifest.rows) == manifest.n

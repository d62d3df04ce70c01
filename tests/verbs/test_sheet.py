"""Sheets of images: which samples are drawn, and on which side."""

import numpy as np
import pytest
from helpers.pictures import ALL, npz
from helpers.tables import clusters_table, score_table

from curate.artifacts.header import DatasetReference, make_header
from curate.data.dataset import open_dataset
from curate.errors import CurateError
from curate.manifests.manifest import Selected, write_manifest
from curate.verbs.sheet import of_clusters, of_dataset, of_manifest, of_samples, of_scores


def plain(sheet):
    return [(caption, left.tolist(), right.tolist()) for caption, left, right in sheet.rows]


def test_of_clusters_the_largest_comes_first_with_both_its_ends():
    table = clusters_table("nowhere", [1, 0, 1, 1], [0.3, 0.1, 0.1, 0.2])
    sheet = of_clusters(table.columns)
    assert plain(sheet) == [("1\n3", [2, 3, 0], [0, 3, 2]), ("0\n1", [1], [1])]
    assert sheet.title == "2 largest of 2 clusters: number, size"


def test_of_twelve_in_a_cluster_the_eight_closest_and_furthest_are_drawn():
    sheet = of_clusters(clusters_table("nowhere", [0] * 12, list(range(12))).columns)
    assert plain(sheet) == [("0\n12", list(range(8)), list(range(11, 3, -1)))]


def test_of_scores_every_class_has_its_easiest_and_hardest():
    table = score_table("nowhere", "high", el2n=[0.5, 0.9, 0.1, 0.7], aum=[4, 3, 2, 1], label=[0, 1, 0, 1])
    assert plain(of_scores(table, "", ["cat", "dog"])) == [("cat", [2, 0], [0, 2]), ("dog", [3, 1], [1, 3])]
    # aum: low is hard
    assert plain(of_scores(table, "aum", ["cat", "dog"])) == [
        ("cat", [0, 2], [2, 0]),
        ("dog", [1, 3], [3, 1]),
    ]


def test_what_has_no_clusters_is_refused():
    with pytest.raises(CurateError, match="there are no clusters to draw"):
        of_clusters({"uid": np.arange(3)})


def hand_made(tmp_path, epochs, uids, **columns):
    """A manifest written by hand, of samples in two classes."""
    n = len(uids)
    classes = ["cat", "dog"]
    dataset = DatasetReference("hand", "all", n, classes, "0" * 64)
    header = make_header("manifest", "select", {}, seed=0, dataset=dataset, summary={"policy": "it"})
    samples = {"index": np.arange(n), "uid": np.array(uids, np.uint64), **columns}
    selected = [Selected(np.array(epoch, np.int64)) for epoch in epochs]
    return write_manifest(tmp_path / "m", header, selected, samples)


LABELS = np.array([0, 1, 0, 1, 0, 1])


def test_of_a_static_manifest_what_is_kept_stands_beside_what_is_left_out(tmp_path):
    ranked = hand_made(tmp_path, [[0, 2, 5]], range(6), label=LABELS, rank=np.array([1, 5, 0, 3, 4, 2]))
    sheet = of_manifest(ranked)
    assert plain(sheet) == [("cat", [2, 0], [4]), ("dog", [5], [1, 3])]
    assert (sheet.left, sheet.right) == ("kept", "left out")
    assert sheet.title == "3 of 6 samples are kept: the kept by rank, the left out from the last rank up"


def test_without_a_rank_chance_decides_and_without_classes_there_is_one_row(tmp_path):
    sheet = of_manifest(hand_made(tmp_path, [[0, 1, 2]], [9, 8, 7, 6, 5, 4]))
    assert plain(sheet) == [("all", [2, 1, 0], [3, 4, 5])]
    assert sheet.title == "3 of 6 samples are kept"


def test_of_a_session_what_is_selected_least_stands_beside_what_is_selected_most(tmp_path):
    session = hand_made(tmp_path, [[0, 1, 2], [0, 3, 5], [0, 2, 3]], range(6), label=LABELS)
    # selected 3, 1, 2, 2, 0 and 1 times
    assert plain(of_manifest(session)) == [("cat", [4, 2, 0], [0, 2, 4]), ("dog", [1, 5, 3], [3, 5, 1])]


@pytest.fixture
def greys(tmp_path):
    """Two grey images of 8 x 8, without labels."""
    grey = np.stack([np.full((8, 8), value, np.uint8) for value in (50, 200)])
    return open_dataset(npz(tmp_path / "a.npz", grey), ALL)


def test_of_a_dataset_some_of_every_class_or_those_that_were_named(greys):
    digits = open_dataset("digits")
    rows = of_dataset(digits).rows
    assert [caption for caption, _, _ in rows] == digits.classes
    assert all((digits.labels[left] == label).all() for label, (_, left, _) in enumerate(rows))
    assert [len(left) for _, left, _ in rows] == [16] * 10
    assert [left.tolist() for _, left, _ in of_samples([7, 3, 7], digits).rows] == [[7, 3, 7]]
    assert [len(left) for _, left, _ in of_samples(range(20), digits).rows] == [16, 4]
    with pytest.raises(CurateError, match=r"there is no sample 2: .* has 0 to 1"):
        of_samples([0, 2], greys)

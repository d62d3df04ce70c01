"""Sheets of images: which samples are drawn, and that they are drawn where they belong."""

import numpy as np
import pytest
from helpers.pictures import ALL, npz
from helpers.tables import clusters_table, score_table
from PIL import Image

from curate.data.dataset import open_dataset
from curate.errors import CurateError
from curate.verbs.sheet import Sheet, draw_sheet, of_clusters, of_scores


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


def test_images_are_enlarged_and_lie_left_and_right(tmp_path):
    grey = np.stack([np.full((8, 8), value, np.uint8) for value in (50, 200)])
    dataset = open_dataset(npz(tmp_path / "a.npz", grey), ALL)
    draw_sheet(
        tmp_path / "s.png", Sheet("it", "easy", "hard", [("a", np.array([0]), np.array([1]))]), dataset
    )
    # 8 pixels become 40, with a gap of 3; a margin of 72 on the left, of 12 in the middle, of 34 above
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.size == (72 + 43 + 12 + 43, 34 + 43)
        for left, value in ((72, 50), (127, 200)):
            result = np.asarray(sheet.crop((left, 34, left + 40, 74)))
            assert (result == value).all()


def test_a_sheet_is_a_picture(tmp_path):
    with pytest.raises(CurateError, match=r"s\.txt is not a picture: name a file that ends in \.png"):
        draw_sheet(tmp_path / "s.txt", Sheet("", "", "", []), None)

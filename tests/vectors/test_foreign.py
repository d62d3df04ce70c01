"""Vectors from elsewhere: what is read of a file, and the labels beside them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.commands import assert_error
from helpers.pictures import encoded, noise

import curate
from curate.errors import CurateError
from curate.vectors.foreign import class_labels, open_foreign, read_labels
from curate.vectors.opening import open_embedding

VECTORS = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
LABELS = np.arange(30) % 3


@pytest.mark.parametrize("name", ["x", "vectors", "whatever"])
def test_an_npz_has_its_only_matrix_and_its_labels(here, name):
    np.savez("v.npz", **{name: VECTORS, "y": LABELS, "other": np.zeros((2, 2, 2))})
    opened = open_embedding("v.npz")
    assert (opened.read(0, 30) == VECTORS).all()
    assert opened.labels.tolist() == LABELS.tolist()
    assert opened.header.dataset.classes == ["0", "1", "2"]
    assert opened.header.dataset.vectors_only
    table = curate.cluster("v.npz", 3)
    kept = curate.select(table, keep=9, class_floor=1.0)
    assert np.bincount(LABELS[kept.selected(0).indices]).tolist() == [3, 3, 3]


def test_two_matrices_are_not_chosen_from(here):
    np.savez("v.npz", a=VECTORS, b=VECTORS)
    with pytest.raises(CurateError, match=r"v\.npz needs one matrix of vectors, it has a, b"):
        open_foreign(here / "v.npz")
    (here / "v.npz").write_bytes(b"no zip")
    with pytest.raises(CurateError, match=r"is not a readable \.npz file"):
        open_foreign(here / "v.npz")


def test_labels_lie_in_a_file_of_their_own(here, cli):
    np.save("v.npy", VECTORS)
    np.save("l.npy", LABELS)
    (here / "l.txt").write_text("".join(f"class {label}\n" for label in LABELS))
    for name, classes in (("l.npy", ["0", "1", "2"]), ("l.txt", ["class 0", "class 1", "class 2"])):
        assert cli("cluster", "v.npy", "-k", 3, "--labels", name, "-o", "t.parquet", "--force").code == 0
        table = curate.open_table("t.parquet")
        assert (table.labels == LABELS).all()
        assert table.header.dataset.classes == classes
    made = cli("cluster", "v.npy", "-k", 3, "--labels", "l.npy", "--strategy", "random", "--class-floor", 1)
    assert made.code == 0, made.err
    assert open_embedding("v.npy", labels=LABELS).labels.tolist() == LABELS.tolist()


def test_labels_that_do_not_fit_are_refused(here, cli, digits_round):
    np.save("v.npy", VECTORS)
    np.save("few.npy", LABELS[:5])
    assert_error(cli("cluster", "v.npy", "--labels", "few.npy"), r"few.npy holds int64 \[5\] for 30 vectors")
    assert_error(cli("cluster", "v.npy", "--labels", "none.npy"), "none.npy cannot be read: No such file")
    words = ("--labels", "few.npy")
    assert_error(cli("cluster", digits_round.embedding, *words), "made by curate, .*: leave out --labels")
    assert_error(cli("cluster", "v.npy", "--data", "digits", *words), "digits has labels of its own")


@pytest.mark.parametrize(
    ("labels", "numbers", "classes"),
    [
        ([2, 0, 2], [2, 0, 2], ["0", "1", "2"]),
        (np.array([[1], [0], [1]], np.uint8), [1, 0, 1], ["0", "1"]),
        (["b", "a", "b"], [1, 0, 1], ["a", "b"]),
    ],
)
def test_labels_are_numbers_or_words(labels, numbers, classes):
    found, names = class_labels(labels, 3, "l")
    assert (found.tolist(), found.dtype, names) == (numbers, np.int64, classes)


@pytest.mark.parametrize("labels", [[0.5, 1, 2], [0, 1], [[0, 1]] * 3, [-1, 0, 1], [10**9, 0, 1]])
def test_anything_else_is_no_label(labels):
    with pytest.raises(CurateError, match=r"^l (holds|has)"):
        class_labels(labels, 3, "l")


def test_a_file_of_labels_is_no_larger_than_labels_are(here):
    with (here / "l.txt").open("wb") as file:
        file.truncate(10**10)
    with pytest.raises(CurateError, match="10,000,000,000 bytes"):
        read_labels(here / "l.txt", 30)
    (here / "l.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(CurateError, match="is not a readable file of labels"):
        read_labels(here / "l.txt", 30)


def test_images_in_parquet_are_no_vectors_and_the_way_to_some_is_said(here):
    pq.write_table(pa.table({"image": [encoded(noise(4, 4))], "label": [0]}), "a.parquet")
    with pytest.raises(CurateError, match=r"it has images, .*: `curate embed .*a\.parquet`"):
        open_foreign(here / "a.parquet")


def test_a_file_of_vectors_is_one_for_every_command(here, cli):
    np.savez("v.npz", vectors=VECTORS, y=LABELS)
    shown = cli("inspect", "v.npz")
    assert (shown.code, "v.npz" in shown.out) == (0, True)
    assert_error(cli("train", "v.npz"), "v.npz holds vectors, and no images: run `curate cluster v.npz`")
    np.savez("i.npz", x=np.zeros((6, 4, 4), np.uint8), y=np.arange(6) % 2)
    assert cli("inspect", "i.npz", "--split", "all").code == 0

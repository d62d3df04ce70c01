"""What is wrong between a training set and its test set: counted as by hand, said where it matters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import curate
from curate.data.overlap import Overlap, ambiguous, overlap

SAMPLES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=30)


@settings(deadline=None)
@given(SAMPLES)
def test_ambiguous_samples_are_those_with_an_image_under_several_labels(samples):
    by_hand = sum(any(uid == other and label != its for other, its in samples) for uid, label in samples)
    uids, labels = (np.array(column) for column in zip(*samples, strict=True))
    assert ambiguous(uids.astype(np.uint64), labels) == by_hand


def saved(folder):
    """Images 0 to 5 to train on, 0 twice, under two labels; tests have 0, 4, 6 and a class of their own."""
    images = np.arange(8, dtype=np.uint8)[:, None, None] * np.ones((4, 4), np.uint8)
    train, test = [0, 1, 2, 3, 4, 5, 0], [0, 4, 6, 7]
    np.savez(
        folder / "d.npz",
        x_train=images[train],
        y_train=np.array([0, 0, 1, 1, 0, 1, 1]),
        x_test=images[test],
        y_test=np.array([0, 0, 1, 2]),
    )
    return str(folder / "d.npz")


def test_what_is_wrong_is_counted(tmp_path):
    data = curate.open_dataset(saved(tmp_path))
    test = curate.open_dataset(saved(tmp_path), curate.Options(split="test"))
    assert data.classes == test.classes == ["0", "1", "2"]
    assert overlap(data, test) == Overlap(n_shared=2, n_ambiguous=2, untrained=["2"])
    assert overlap(data, None) == Overlap(n_shared=0, n_ambiguous=2, untrained=[])
    shared, unclear, untrained = overlap(data, test).warnings(data, test)
    assert "2 of the 4 test images are training images of" in shared
    assert "name another test set with --test" in shared
    assert "2 samples of" in unclear
    assert "under several labels" in unclear
    assert "1 classes of the test set have no training samples (2)" in untrained


def test_samples_that_are_missing_are_not_trained_on(tmp_path):
    data = curate.open_dataset(saved(tmp_path))
    test = curate.open_dataset(saved(tmp_path), curate.Options(split="test"))
    object.__setattr__(data, "missing", np.array([False] * 4 + [True, False, True]))
    assert overlap(data, test) == Overlap(n_shared=1, n_ambiguous=0, untrained=["2"])


def test_where_nothing_is_wrong_nothing_is_said():
    data = curate.open_dataset("digits")
    test = curate.open_dataset("digits", curate.Options(split="test"))
    assert overlap(data, test) == Overlap(0, 0, [])
    assert overlap(data, test).warnings(data, test) == []


def test_many_classes_are_named_in_part(tmp_path):
    said = Overlap(0, 0, [f"c{number}" for number in range(7)]).warnings(curate.open_dataset("digits"), None)
    assert said == [
        "7 classes of the test set have no training samples (c0, c1, c2, c3, c4, ...): add some, or test on "
        "the others with --test"
    ]


@pytest.mark.parametrize("verb", ["train", "replay", "inspect"])
def test_it_is_said_by_train_replay_and_inspect(verb, cli, here):
    reference = saved(here)
    if verb == "replay":
        everything = curate.embed(reference, dim=2, output=here / "e.safetensors")
        table = curate.cluster(everything, 2, output=here / "c.parquet")
        curate.select(table, keep=0.5, output=here / "m")
    words = {
        "train": ["train", reference, "--epochs", 1, "--set", "width=1", "-o", "run"],
        "replay": ["replay", "m", "--epochs", 1, "--trials", 1, "--model", "basic-cnn"],
        "inspect": ["inspect", reference],
    }[verb]
    result = cli(*words)
    assert result.code == 0, result.err
    said = " ".join((result.out if verb == "inspect" else result.err).split())
    assert "2 of the 4 test images are training images" in said
    assert "under several labels" in said
    assert "1 classes of the test set have no training samples (2)" in said

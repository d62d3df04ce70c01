"""Sources without splits: which samples are held out as a test set."""

import numpy as np
import pytest
from helpers.pictures import noise, npz, uid_by_hand

from curate.data.dataset import Options, open_dataset
from curate.errors import CurateError
from curate.progress import Progress


def test_one_sample_in_five_is_held_out_by_its_uid():
    everything, train, test = (
        open_dataset("digits", Options(split=split)) for split in ("all", "train", "test")
    )
    assert test.uids.tolist() == [uid for uid in everything.uids.tolist() if uid % 5 == 0]
    assert train.uids.tolist() == [uid for uid in everything.uids.tolist() if uid % 5 != 0]
    assert 0.15 < len(test) / len(everything) < 0.25


def test_without_holding_out_all_samples_are_given():
    assert len(open_dataset("digits", hold_out=False)) == 1797
    assert len(open_dataset("digits", Options(split="test"), hold_out=False)) == 1797


def test_holding_out_is_said():
    notes = []

    class Notes(Progress):
        def note(self, text: str) -> None:
            notes.append(text)

    n = len(open_dataset("digits", Options(split="test"), Notes()))
    assert notes == [
        f"digits has no splits: one sample in 5, chosen by content, is its test split (test has {n} of "
        "1,797); --split all takes all"
    ]


def held_out(path: str) -> set[int]:
    return set(open_dataset(path, Options(split="test")).uids.tolist())


def test_equal_images_are_held_out_together(tmp_path):
    path = npz(tmp_path / "a.npz", np.tile(noise(30, 4, 4), (3, 1, 1)))
    test = open_dataset(path, Options(split="test"))
    assert set(np.unique(test.uids, return_counts=True)[1].tolist()) == {3}
    assert not held_out(path) & set(open_dataset(path).uids.tolist())


def test_what_is_held_out_survives_another_order_and_growth(tmp_path):
    images = noise(60, 4, 4)
    before = held_out(npz(tmp_path / "a.npz", images))
    assert before == held_out(npz(tmp_path / "b.npz", images[np.random.default_rng(1).permutation(60)]))
    grown = held_out(npz(tmp_path / "c.npz", np.concatenate([noise(40, 4, 4, seed=2), images])))
    assert {uid_by_hand(image) for image in images} & grown == before


def test_a_source_without_splits_has_no_val_split():
    with pytest.raises(CurateError, match=r"^digits has no val split: use train, test or all$"):
        open_dataset("digits", Options(split="val"))


def test_too_few_samples_to_hold_any_out(tmp_path):
    image = next(image for image in noise(50, 4, 4) if uid_by_hand(image) % 5)
    path = npz(tmp_path / "one.npz", image[None])
    with pytest.raises(
        CurateError,
        match=r"one\.npz has no splits and only 1 samples, too few to hold out a test set: use --split all",
    ):
        open_dataset(path, Options(split="test"))

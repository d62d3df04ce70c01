"""Variants of a dataset: exact numbers, seeded, alike for any order of samples, test split untouched."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import curate
from curate.data.dataset import Options
from curate.data.source import NoSplitError
from curate.data.variants import parse
from curate.errors import CurateError

IMBALANCED = "0.25/0.25/0.5/0.5/0.5/0.75/0.75/1/1/1"


@pytest.fixture(scope="module")
def digits():
    return curate.open_dataset("digits")


def test_imbalanced_as_in_the_paper(digits):
    result = curate.open_dataset(f"digits+per-class={IMBALANCED}")
    before, after = np.bincount(digits.labels), np.bincount(result.labels)
    shares = [0.25, 0.25, 0.5, 0.5, 0.5, 0.75, 0.75, 1, 1, 1]
    assert after.tolist() == [int(size * share + 0.5) for size, share in zip(before, shares, strict=True)]
    assert result.reference == f"digits+per-class={IMBALANCED}"
    rows = np.searchsorted(np.sort(digits.uids), np.sort(result.uids))
    assert (np.sort(digits.uids)[rows] == np.sort(result.uids)).all()


def test_counts_and_single_classes(digits):
    assert np.bincount(curate.open_dataset("digits+per-class=30").labels).tolist() == [30] * 10
    sizes = np.bincount(curate.open_dataset("digits+per-class=3:0.1/7:50").labels)
    whole = np.bincount(digits.labels)
    assert (sizes[3], sizes[7]) == (int(whole[3] * 0.1 + 0.5), 50)
    assert (np.delete(sizes, [3, 7]) == np.delete(whole, [3, 7])).all()


@pytest.mark.parametrize("rate", ["0.1", "0.333", "0.9"])
def test_noise_makes_exactly_that_share_wrong(digits, rate):
    noisy = curate.open_dataset(f"digits+noise={rate}")
    wrong = noisy.labels != digits.labels
    assert wrong.sum() == int(float(rate) * len(digits) + 0.5)
    assert (noisy.uids == digits.uids).all()
    assert noisy.fingerprint != digits.fingerprint
    offsets = np.bincount((noisy.labels - digits.labels)[wrong] % 10, minlength=10)
    assert offsets[0] == 0
    assert (offsets[1:] > 0).all()


def test_the_seed_decides_and_repeats(digits):
    one, same, other = (
        curate.open_dataset(f"digits+noise=0.1+seed={seed}+per-class=100").fingerprint for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other
    assert curate.open_dataset("digits+noise=0.1").fingerprint == (
        curate.open_dataset("digits+noise=0.1+seed=0").fingerprint
    )


def test_a_smaller_variant_is_part_of_a_larger_one():
    small, large = (set(curate.open_dataset(f"digits+per-class={k}").uids.tolist()) for k in (20, 60))
    assert small < large


def test_the_test_split_stays_as_it_is():
    plain, varied = (
        curate.open_dataset(reference, Options(split="test"))
        for reference in ("digits", "digits+noise=0.5+per-class=10")
    )
    assert plain.fingerprint == varied.fingerprint


def test_a_reordered_copy_has_the_same_variant(tmp_path):
    chance = np.random.default_rng(0)
    images = chance.integers(0, 256, (80, 8, 8), dtype=np.uint8)
    images[10:20] = images[30:40]  # equal images, told apart by occurrence only
    labels = np.arange(80) % 4
    labels[10:20] = labels[30:40]
    order = chance.permutation(80)
    np.savez(tmp_path / "one.npz", x_train=images, y_train=labels)
    np.savez(tmp_path / "two.npz", x_train=images[order], y_train=labels[order])
    for variant in ("+noise=0.25", "+per-class=7", "+per-class=0.5+noise=0.2+seed=4"):
        one, two = (curate.open_dataset(f"{tmp_path}/{name}.npz{variant}") for name in ("one", "two"))
        pairs = [sorted(zip(d.uids.tolist(), d.labels.tolist(), strict=True)) for d in (one, two)]
        assert pairs[0] == pairs[1]


def test_train_and_val_are_joined(tmp_path):
    chance = np.random.default_rng(0)
    parts = {}
    for split, n in (("train", 30), ("val", 12), ("test", 9)):
        parts[f"x_{split}"] = chance.integers(0, 256, (n, 8, 8), dtype=np.uint8)
        parts[f"y_{split}"] = np.arange(n) % 3
    np.savez(tmp_path / "three.npz", **parts)
    reference = f"{tmp_path}/three.npz"
    joined = curate.open_dataset(f"{reference}+join=val")
    train, val = (curate.open_dataset(reference, Options(split=split)) for split in ("train", "val"))
    assert joined.uids.tolist() == [*train.uids.tolist(), *val.uids.tolist()]
    assert len(curate.open_dataset(f"{reference}+join=val", Options(split="test"))) == 9
    np.savez(tmp_path / "two.npz", **{key: value for key, value in parts.items() if "test" not in key})
    with pytest.raises(NoSplitError, match="has no test split"):  # val is trained on and cannot be the test
        curate.open_dataset(f"{tmp_path}/two.npz+join=val", Options(split="test"))


def test_a_variant_is_recorded_and_replayed(tmp_path):
    made = curate.train(
        "digits+noise=0.2+per-class=60",
        policy="random",
        keep=0.5,
        hyperparameters={"n_epochs": 2},
        options={"width": 4},
        output=tmp_path / "run",
    )
    assert made.manifest.header.dataset.reference == "digits+noise=0.2+per-class=60"
    again = curate.replay(made.manifest, trials=1)
    assert again.runs[0].trials[0].accuracy == made.epochs[-1].test_accuracy


def test_a_file_whose_name_has_a_plus_is_a_file(tmp_path):
    images = np.zeros((20, 8, 8), np.uint8) + np.arange(20, dtype=np.uint8)[:, None, None]
    np.savez(tmp_path / "a+noise=0.1.npz", x=images, y=np.arange(20) % 2)
    assert len(curate.open_dataset(f"{tmp_path}/a+noise=0.1.npz", Options(split="all"))) == 20


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ("nois=0.1", "there is no variant 'nois': did you mean noise?"),
        ("noise=1.5", "noise=1.5 is out of range: use 0 < noise < 1"),
        ("noise=much", "noise=much is not a number"),
        ("noise=0.1+noise=0.2", "noise is given twice"),
        ("per-class=0.5/0.5", "per-class has 2 values for 10 classes"),
        ("per-class=0.5/3:0.1", "mixes two forms"),
        ("per-class=0", "per-class=0 is out of range"),
        ("per-class=1.5", "per-class=1.5 is out of range"),
        ("per-class=9999", "has 144 samples, fewer than the 9999 wanted"),
        ("per-class=zebra:3", "has no class 'zebra'"),
        ("join=val", "digits has no val split to join"),
        ("join=test", "join=test is unknown"),
        ("seed=x", "seed=x is not a whole number"),
        ("noise=0.1+x", "is not a variant: write DATASET+name=value"),
    ],
)
def test_wrong_variants_are_clear_errors(variant, message):
    with pytest.raises(CurateError, match=re.escape(message)):
        curate.open_dataset(f"digits+{variant}")


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_text_parses_or_is_a_clear_error(text):
    try:
        base, variant = parse(text)
    except CurateError:
        return
    assert variant is not None or base == text

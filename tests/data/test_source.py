"""Splits: what a name tells of them, and which of those there are is chosen."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.data.source import NoSplitError, Request, choose_splits, split_of_name


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train-00000-of-00005.parquet", "train"),
        ("training", "train"),
        ("TRAIN", "train"),
        ("x_val", "val"),
        ("valid.parquet", "val"),
        ("validation-00000.parquet", "val"),
        ("dev", "val"),
        ("cifar10-test.parquet", "test"),
        ("testing_images", "test"),
        ("contrast.png", None),
        ("latest.parquet", None),
        ("trainee", None),
        ("data-00000-of-00001.parquet", None),
        ("", None),
    ],
)
def test_a_name_tells_its_split(name, split):
    assert split_of_name(name) == split


WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
}
WORDS |= {"test": "test", "testing": "test"}


@settings(max_examples=60, deadline=None)
@given(
    st.text("0123456789-_. ", max_size=6),
    st.sampled_from(sorted(WORDS)),
    st.text("0123456789-_. ", max_size=6),
)
def test_a_split_word_is_told_whatever_digits_and_dashes_surround_it(before, word, after):
    assert split_of_name(before + word + after) == WORDS[word]
    assert split_of_name(before + word.upper() + after) == WORDS[word]


@settings(max_examples=60, deadline=None)
@given(st.text("abcdeilnrstv", min_size=1, max_size=10))
def test_a_split_word_inside_a_longer_word_tells_nothing(word):
    assert split_of_name(f"{word}-0.parquet") == WORDS.get(word)


@pytest.mark.parametrize(
    ("available", "split", "chosen"),
    [
        (["all"], "train", ["all"]),
        (["all"], "all", ["all"]),
        (["test", "train"], "train", ["train"]),
        (["test", "val", "train"], "all", ["train", "val", "test"]),
        (["val", "train"], "test", ["val"]),
        (["val", "train", "test"], "test", ["test"]),
    ],
)
def test_splits_are_chosen(available, split, chosen):
    assert choose_splits(available, Request("a", split)) == chosen


@pytest.mark.parametrize(
    ("available", "split", "error"),
    [
        (["train", "test"], "val", "a has no val split: it has train, test"),
        (["train"], "test", "a has no test split: it has train; name a test set with --test"),
        (["test"], "train", "a has no train split: it has test"),
    ],
)
def test_a_split_that_is_not_there(available, split, error):
    with pytest.raises(NoSplitError, match=f"^{error}$"):
        choose_splits(available, Request("a", split))

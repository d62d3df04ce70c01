"""Names: of what is written where the user names nothing, and whose option it is that the user sets."""

from pathlib import Path

import pytest

from curate.errors import CurateError
from curate.verbs.naming import output_path, public, share_out, stem


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("digits", "digits"),
        ("data/train.parquet", "train"),
        ("photos/", "photos"),
        ("hf:ann/shapes@v1", "shapes"),
        ("digits+noise=0.2", "digits-noise-0.2"),
        ("my photos.npz", "my-photos"),
        ("..", "dataset"),
    ],
)
def test_a_name_is_the_last_part_in_safe_characters(reference, name):
    assert stem(reference) == name


def test_what_the_user_names_goes_before_the_default():
    assert output_path("x/y", "z") == Path("x/y")
    assert output_path(None, "z") == Path("z")


def test_an_option_goes_to_the_last_method_that_has_it():
    methods = [("models", "basic-cnn"), ("policies", "ema"), ("policies", "ucb")]
    result = share_out({"width": 4, "alpha": 0.5, "confidence": 2}, methods)
    assert result == [{"width": 4}, {}, {"alpha": 0.5, "confidence": 2}]


def test_an_option_that_nobody_has_is_refused_with_the_nearest():
    with pytest.raises(CurateError, match=r"^policy ucb has no option 'alfa': did you mean alpha\?"):
        share_out({"alfa": 1}, [("policies", "ucb")])
    with pytest.raises(CurateError, match=r"^neither model basic-cnn nor policy ema has an option 'widht'"):
        share_out({"widht": 1}, [("models", "basic-cnn"), ("policies", "ema")])


def test_no_path_of_this_machine_is_shown():
    assert public("/home/ann/data/mnist/") == "mnist"
    assert public("digits") == "digits"
    assert public("/data/cifar10+per-class=0.5/1") == "cifar10+per-class=0.5/1"

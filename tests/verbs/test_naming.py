"""Names: of what is written where the user names nothing, and whose option it is that the user sets."""

from pathlib import Path

import pytest

from curate.errors import CurateError
from curate.verbs.naming import (
    amount_and_more,
    keep_in_words,
    model_in_words,
    output_path,
    public,
    share_out,
    stem,
    told,
)


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
        ("photos/*.parquet", "photos"),
        ("data/photos/train-*/a?.parquet", "photos"),
        ("*.parquet", "dataset"),
    ],
)
def test_a_name_is_the_last_part_in_safe_characters(reference, name):
    assert stem(reference) == name


@pytest.mark.parametrize(
    ("keep", "words"),
    [(".3", "0.3"), ("0.30", "0.3"), ("30%", "0.3"), (0.3, "0.3"), ("1/3", "1-of-3"), ("600", "600"),
     ("0.2:.60", "0.2-to-0.6"), ("1.0", "1"), (30000, "30000")],
)  # fmt: skip
def test_equal_budgets_have_one_name(keep, words):
    assert keep_in_words(keep) == words


def test_a_model_of_another_library_has_another_name():
    assert model_in_words("resnet18") == "resnet18"
    assert model_in_words("torchvision:resnet18") == "torchvision-resnet18"
    assert model_in_words("timm:owner/net") == "timm-net"
    assert model_in_words("net.py:Net") == "Net"


def test_what_was_asked_is_told_and_what_is_long_is_hashed():
    assert told({"lr": 0.01, "period": 2, "adapt": None, "trace": False, "from": ""}) == "lr-0.01-period-2"
    assert told({"trace": True, "weights": "/home/ann/run"}) == "trace-weights-run"
    assert told({"warm-up": "10%:full", "keep": "1/3"}) == "warm-up-10-full-keep-1-3"
    long = told({"augment": "flip", "optimizer": "adam", "momentum": 0.95, "weight_decay": 0.0005, "lr": 1.0})
    assert len(long) == 8
    assert long != told({"augment": "flip", "optimizer": "adam", "momentum": 0.9, "weight_decay": 0.0005})
    assert amount_and_more({"n_epochs": 3, "lr": 0.1}, {"period": 2}) == ["3-epochs", "lr-0.1-period-2"]
    assert amount_and_more(None, {}) == ["", ""]


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

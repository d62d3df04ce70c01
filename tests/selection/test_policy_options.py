"""The options of policies: their ranges, types and defaults."""

import dataclasses

import pytest
from helpers.policy_examples import LOSSES, NAN, ask, make

from curate import finder
from curate.errors import CurateError
from curate.selection.policy import Plan

pytest_plugins = ["helpers.policy_examples"]


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("ema", {"alpha": 1.5}, "alpha=1.5 is not a fraction: use 0 <= alpha <= 1"),
        ("ema", {"alpha": NAN}, "alpha=nan is not a fraction: use 0 <= alpha <= 1"),
        ("ucb", {"alpha": -0.1}, "alpha=-0.1 is not a fraction: use 0 <= alpha <= 1"),
        ("epsilon-greedy", {"alpha": 2}, "alpha=2.0 is not a fraction: use 0 <= alpha <= 1"),
        ("epsilon-greedy", {"epsilon": 1.1}, "epsilon=1.1 is not a fraction: use 0 <= epsilon <= 1"),
        ("static-epsilon", {"epsilon": -1}, "epsilon=-1.0 is not a fraction: use 0 <= epsilon <= 1"),
        ("static-ucb", {"alpha": 1.01}, "alpha=1.01 is not a fraction: use 0 <= alpha <= 1"),
        ("infobatch", {"ratio": 1.0}, "ratio=1.0 is out of range: use 0 <= ratio < 1"),
        ("infobatch", {"ratio": -0.5}, "ratio=-0.5 is out of range: use 0 <= ratio < 1"),
        ("infobatch", {"delta": 1.5}, "delta=1.5 is not a fraction: use 0 <= delta <= 1"),
        ("infobatch", {"delta": -0.1}, "delta=-0.1 is not a fraction: use 0 <= delta <= 1"),
    ],
)
def test_options_out_of_range_are_refused_before_anything_is_trained(name, options, text):
    with pytest.raises(CurateError) as problem:
        make(name, **options)
    assert str(problem.value) == text


@pytest.mark.parametrize("confidence", ["nan", "inf"])
@pytest.mark.parametrize("name", ["ucb", "static-ucb"])
def test_a_confidence_that_is_no_number_is_refused(name, confidence, scores):
    """Else no value is the highest, and nothing at all is selected."""
    options = {"scores": str(scores)} if name == "static-ucb" else {}
    with pytest.raises(CurateError, match="confidence"):
        list(ask(make(name, confidence=confidence, **options), LOSSES))


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        (
            "recorded",
            {"freeze": "first"},
            "freeze=first does not fit policy recorded: Input should be '' or ",
        ),
        ("ema", {"alpha": "much"}, "alpha=much does not fit policy ema: Input should be a valid number"),
        ("ema", {"epsilon": "0.1"}, "policy ema has no option 'epsilon': "),
    ],
)
def test_options_are_read_by_their_type(name, options, text):
    with pytest.raises(CurateError, match=text):
        make(name, **options)


def test_the_defaults_are_those_of_the_definitions():
    defaults = {name: dataclasses.asdict(make(name)) for name in finder.names("policies")}
    assert defaults["ema"] == {"alpha": 0.8}
    assert defaults["ucb"] == {"confidence": 1.0, "alpha": 0.8}
    assert defaults["epsilon-greedy"] == {"epsilon": 0.1, "alpha": 0.8}
    assert defaults["infobatch"] == {"ratio": 0.5, "delta": 0.875}
    assert isinstance(next(ask(make("full"))), Plan)

"""What goes wrong in a session is said when it first happens, and in sum at the end."""

import numpy as np
import pytest
from helpers.commands import Noted

import curate
from curate import finder
from curate.selection.session import Session
from curate.training.beware import beware, beware_in_all
from curate.training.outcome import Record


def records_of(*epochs):
    """Records of epochs, each as (asked, share changed, classes lacking)."""
    return [
        Record(epoch, asked, epoch, changed, lacking, 10, 10, 0.1, 1.0, 0.5, None, None, None, 0.0, 0.0)
        for epoch, (asked, changed, lacking) in enumerate(epochs)
    ]


EMA, RANDOM = finder.make("policies", "ema"), finder.make("policies", "random")
PLAIN = Session(observes="evaluation")


def said(records, policy=EMA, session=PLAIN):
    """What is said epoch by epoch."""
    return [beware(records[: end + 1], policy, session) for end in range(len(records))]


def test_classes_that_lack_are_said_once_and_then_counted():
    records = records_of((False, None, 9), (True, None, 0), (True, 0.5, 1), (False, 0.5, 1), (True, 0.5, 2))
    first, *_ = [texts for texts in said(records) if texts]
    assert said(records) == [[], [], first, [], []]
    assert first[0].startswith(
        "epoch 3: 1 class is without a sample until the next checkpoint: use --class-f"
    )
    assert beware_in_all(records, EMA, PLAIN) == [
        "2 of 3 decisions left a class without a sample: use --class-floor 1, or a longer --warm-up, or keep "
        "more samples"
    ]


def test_no_remedy_is_named_that_is_in_use_or_would_be_refused():
    lacking, turning = records_of((True, None, 1)), records_of((True, None, 0), (True, 1.0, 0))
    floored = Session(observes="training", class_floor=1.0)
    assert beware_in_all(lacking, RANDOM, floored)[0].endswith("without a sample: keep more samples")
    assert "--warm-up" not in beware(lacking, RANDOM, PLAIN)[0]
    assert "use --observe training, a longer --warm-up" in beware(turning, EMA, PLAIN)[0]
    (text,) = beware(turning, EMA, floored)
    assert text.endswith("samples take turns; use a longer --warm-up, or the policy random")
    recorded = finder.make("policies", "full")
    assert beware(lacking, recorded, PLAIN) == beware_in_all(lacking, recorded, PLAIN) == []


def test_several_classes_are_counted():
    (text,) = beware(records_of((True, None, 3)), RANDOM, PLAIN)
    assert "3 classes are without a sample" in text


def test_selections_that_turn_over_are_said_once_and_then_counted():
    records = records_of((True, None, 0), (True, 0.9, 0), (True, 0.95, 0), (False, 0.95, 0), (True, 1.0, 0))
    texts = said(records)
    assert [len(one) for one in texts] == [0, 0, 1, 0, 0]
    assert texts[2][0].startswith("epoch 3: 95% of the selection changed at once: samples take turns")
    (text,) = beware_in_all(records, EMA, PLAIN)
    assert text.startswith("2 of 3 decisions changed more than 90% of the selection: samples take turns")


def test_a_policy_that_decided_only_once_is_hardly_the_one_that_is_studied():
    warm = Session(observes="training", warm_up_epochs=2)
    drawn_then_decided = records_of((True, None, 0), (True, 0.5, 0), (True, 0.5, 0), (False, 0.5, 0))
    (text,) = beware_in_all(drawn_then_decided, EMA, warm)
    assert text == (
        "the policy decided once, before epoch 3 of 4: this run says little of it; use more --epochs, or a "
        "shorter --period"
    )
    decided_twice = records_of((True, None, 0), (True, 0.5, 0), (True, 0.5, 0), (True, 0.5, 0))
    assert beware_in_all(decided_twice, EMA, warm) == []
    assert beware_in_all(drawn_then_decided, RANDOM, PLAIN) == []
    adapted = Session(observes="training", warm_up_epochs=2, adapt=0.5)
    assert beware_in_all(drawn_then_decided, EMA, adapted) == []


def test_where_chance_selects_a_turnover_is_as_it_should_be():
    records = records_of((True, None, 0), (True, 0.95, 0))
    assert said(records, RANDOM) == [[], []]
    assert beware_in_all(records, RANDOM, PLAIN) == []


def test_the_first_decision_after_a_warm_up_changes_what_chance_drew_and_is_none_of_them():
    records = records_of((False, None, 0), (True, 0.97, 0), (True, 0.1, 0))
    assert said(records) == [[], [], []]


@pytest.mark.parametrize("floor", [None, 1.0])
def test_a_run_says_what_its_user_should_know(floor, tmp_path):
    """Of 60 digits 3 are kept: seven classes have none, unless a floor keeps them."""
    few = curate.open_dataset("digits").take(np.arange(60))
    noted = Noted()
    made = curate.train(
        few,
        policy="ema",
        keep=3 if floor is None else 40,
        class_floor=floor,
        period=1,
        test=few,
        hyperparameters={"n_epochs": 3},
        options={"width": 1},
        output=tmp_path / "run",
        progress=noted,
    )
    lacking = [text for text in noted.notes if "without a sample" in text]
    if floor is not None:
        assert lacking == []
        assert [record.n_classes_lacking for record in made.epochs] == [0, 0, 0]
        return
    by_hand = [10 - len(np.unique(few.labels[made.manifest.selected(epoch).indices])) for epoch in range(3)]
    assert [record.n_classes_lacking for record in made.epochs] == by_hand
    assert min(by_hand) >= 7
    assert [text.partition(" ")[0] for text in lacking] == ["epoch", "2"]
    assert lacking[1].startswith("2 of 2 decisions left a class without a sample")

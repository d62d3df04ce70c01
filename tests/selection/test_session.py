"""Sessions: what a user asks for and what comes of it."""

import itertools

import pytest
from helpers.sessions import planned

from curate.errors import CurateError
from curate.selection.session import Session


def counts(session, n_epochs):
    """How many samples are kept at each checkpoint."""
    return [session.k(epoch, n_epochs) for epoch in range(n_epochs) if session.is_due(epoch)]


@pytest.mark.parametrize(
    ("n_epochs", "period"), [(1, 1), (19, 1), (20, 1), (39, 1), (40, 2), (200, 10), (90, 4)]
)
def test_a_period_is_a_twentieth_of_the_run_and_at_least_one(n_epochs, period):
    session, n_epochs_then = planned("ema", n_epochs=n_epochs, keep=0.3)
    assert (session.period_epochs, n_epochs_then) == (period, n_epochs)


def test_a_policy_may_have_a_period_of_its_own_and_the_user_has_the_last_word():
    assert planned("random-partition", n_epochs=200, keep=0.3)[0].period_epochs == 1
    assert planned("random-partition", n_epochs=200, keep=0.3, period=7)[0].period_epochs == 7
    assert planned("infobatch", n_epochs=200)[0].period_epochs == 1
    assert planned("ema", n_epochs=200, keep=0.3, period=200)[0].period_epochs == 200


def test_checkpoints_are_due_every_period():
    session = Session(period_epochs=3)
    assert [epoch for epoch in range(10) if session.is_due(epoch)] == [0, 3, 6, 9]


def test_keep_may_be_a_fraction_or_a_count():
    for keep, k in ((0.3, 30), ("0.3", 30), (15, 15), ("15", 15), (1.0, 100), ("0.125", 13)):
        session, _ = planned("ema", keep=keep, period=1)
        assert counts(session, 20) == [k] * 20
        assert session.n_presentations == 20 * k


def test_a_keep_range_is_linear_with_exact_ends():
    session, _ = planned("ema", keep="0.2:0.6", period=5, n_epochs=23)
    # checkpoints at 0, 5, 10, 15 and 20: 20, 30, 40, 50, 60; the last lasts three epochs
    assert counts(session, 23) == [20, 30, 40, 50, 60]
    assert session.n_presentations == 5 * 20 + 5 * 30 + 5 * 40 + 5 * 50 + 3 * 60


def test_a_keep_range_may_fall_and_may_mix_counts_and_fractions():
    falling, _ = planned("ema", keep="0.6:0.2", period=1, n_epochs=5)
    assert counts(falling, 5) == [60, 50, 40, 30, 20]
    mixed, _ = planned("ema", keep="10:0.5", period=1, n_epochs=4)
    # 10, 10 + 40/3, 10 + 80/3, 50, each to the nearest
    assert counts(mixed, 4) == [10, 23, 37, 50]


def test_a_run_of_one_checkpoint_keeps_the_first_count():
    session, _ = planned("ema", keep="0.2:0.6", period=4, n_epochs=4)
    assert counts(session, 4) == [20]
    assert session.n_presentations == 80


@pytest.mark.parametrize(
    ("keep", "n_epochs", "stretched"),
    [
        (0.5, 10, 20),
        (0.3, 10, 33),  # 33.3
        (0.3, 20, 67),  # 66.7
        ("0.2:0.6", 10, 25),  # 40 of 100 in the mean
        (1.0, 10, 10),
        (0.9, 1, 1),
    ],
)
def test_a_budget_of_samples_stretches_the_run(keep, n_epochs, stretched):
    session, result = planned("random", n_epochs=n_epochs, keep=keep, budget="samples")
    assert result == stretched
    assert session.period_epochs == max(1, stretched // 20)


def test_a_budget_of_samples_presents_as_many_to_the_nearest_whole_epoch():
    for k, n_epochs in itertools.product((7, 30, 51, 99, 100), (1, 3, 10, 64)):
        session, _ = planned("random", n_epochs=n_epochs, keep=str(k), budget="samples")
        assert abs(session.n_presentations - 100 * n_epochs) <= k / 2


@pytest.mark.parametrize(
    ("keep", "n_epochs", "more"),
    [("0.2:0.6", 84, {}), ("0.05:0.2", 200, {}), ("0.6:0.2", 159, {}), ("0.2:0.6", 10, {"period": 20})],
)
def test_a_budget_of_samples_holds_for_a_keep_range_too(keep, n_epochs, more):
    """To about an epoch, as one more also moves the checkpoints; the last of them may be cut short."""
    session, _ = planned("random", n=1797, n_epochs=n_epochs, keep=keep, budget="samples", **more)
    assert abs(session.n_presentations - 1797 * n_epochs) <= max(session.first_k, session.last_k)


def test_a_period_may_be_as_long_as_the_stretched_run():
    session, n_epochs = planned("random", n_epochs=10, keep=0.5, budget="samples", period=20)
    assert (session.period_epochs, n_epochs) == (20, 20)


@pytest.mark.parametrize(
    ("keep", "n_epochs", "n_presentations", "n_whole"),
    [(0.3, 20, 600, 6), (0.33, 20, 660, 7), ("0.2:0.6", 5, 200, 2), (1.0, 7, 700, 7), (0.01, 3, 3, 1)],
)
def test_early_stop_has_the_presentations_of_the_pruned_run(keep, n_epochs, n_presentations, n_whole):
    session, result = planned("early-stop", n_epochs=n_epochs, keep=keep)
    assert (session.n_presentations, result, session.period_epochs) == (n_presentations, n_whole, 1)


def test_early_stop_of_a_budget_of_samples_is_full_training_to_the_sample():
    session, n_epochs = planned("early-stop", n_epochs=10, keep=0.3, budget="samples")
    assert (session.n_presentations, n_epochs) == (33 * 30, 10)


@pytest.mark.parametrize("n_epochs", [20, 59, 209])
@pytest.mark.parametrize("keep", ["0.3", "0.2:0.6"])
def test_early_stop_spends_what_the_policy_it_controls_spends(keep, n_epochs):
    pruned, _ = planned("ema", n_epochs=n_epochs, keep=keep)
    control, _ = planned("early-stop", n_epochs=n_epochs, keep=keep)
    assert control.n_presentations == pruned.n_presentations


@pytest.mark.parametrize("policy", ["full", "infobatch", "recorded"])
def test_policies_that_decide_themselves_are_allowed_everything(policy):
    session, n_epochs = planned(policy, n_epochs=6)
    assert (session.first_k, session.last_k, n_epochs) == (100, 100, 6)


@pytest.mark.parametrize(
    ("policy", "asked", "observes"),
    [
        ("random", {"keep": 0.3}, "nothing"),
        ("full", {}, "nothing"),
        ("ema", {"keep": 0.3, "warm_up": None}, "training"),
        ("ucb", {"keep": 0.3, "warm_up": "2"}, "training"),
        ("epsilon-greedy", {"keep": 0.3, "warm_up": "0"}, "evaluation"),  # as published
        ("epsilon-greedy", {"keep": 0.3, "warm_up": "0%:full"}, "evaluation"),
        ("epsilon-greedy", {"keep": 0.3, "warm_up": "0", "observe": "training"}, "training"),
        ("uncertainty", {"keep": 0.3}, "evaluation"),
        ("uncertainty", {"keep": 0.3, "observe": "training"}, "training"),
        ("infobatch", {}, "training"),
        ("infobatch", {"observe": "evaluation"}, "evaluation"),
        ("random", {"keep": 0.3, "adapt": 0.9}, "evaluation"),
        ("random", {"keep": 0.3, "trust": 0.9}, "evaluation"),
        ("random", {"keep": 0.3, "trust": 0.9, "observe": "training"}, "training"),
        ("full", {"trust": 0.9}, "evaluation"),
    ],
)
def test_nobody_pays_for_what_nobody_asks(policy, asked, observes):
    session, _ = planned(policy, **asked)
    assert session.observes == observes
    assert (session.adapt, session.trust) == (asked.get("adapt"), asked.get("trust"))


RANGE = "is out of range: use 0 <"


@pytest.mark.parametrize(
    ("policy", "asked", "text"),
    [
        ("ema", {}, "policy ema needs to know how many samples to keep: use --keep 0.3"),
        ("early-stop", {}, "policy early-stop needs to know how many samples to keep: use --keep 0.3"),
        (
            "full",
            {"keep": 0.3},
            "policy full decides itself how many samples to keep: leave out --keep, or name "
            "another with --policy, such as random",
        ),
        (
            "infobatch",
            {"keep": 0.3},
            "policy infobatch decides itself how many samples to keep: leave out --keep, or name "
            "another with --policy, such as random",
        ),
        (
            "full",
            {"budget": "samples"},
            "policy full has no fixed budget to stretch: leave out --budget samples",
        ),
        ("ema", {"keep": 0.3, "budget": "sample"}, "there is no budget 'sample': did you mean samples?"),
        ("ema", {"keep": 0.3, "budget": "epoch"}, "there is no budget 'epoch': did you mean epochs?"),
        ("ema", {"keep": 0.3, "budget": "time"}, "there is no budget 'time': use one of epochs, samples"),
        (
            "ema",
            {"keep": 0.3, "period": 21},
            "period=21 is out of range: use 1 to 20, the number of epochs of the run",
        ),
        (
            "ema",
            {"keep": 0.3, "period": 0},
            "period=0 is out of range: use 1 to 20, the number of epochs of the run",
        ),
        (
            "random",
            {"keep": 0.5, "budget": "samples", "period": 41},
            "period=41 is out of range: use 1 to 40, the number of epochs of the run",
        ),
        ("ema", {"keep": 0.3, "adapt": 0}, f"adapt=0 {RANGE} adapt < 1"),
        ("ema", {"keep": 0.3, "adapt": 1.0}, f"adapt=1.0 {RANGE} adapt < 1"),
        ("ema", {"keep": 0.3, "adapt": float("nan")}, f"adapt=nan {RANGE} adapt < 1"),
        ("ema", {"keep": 0.3, "trust": -0.1}, f"trust=-0.1 {RANGE} trust < 1"),
        ("random", {"keep": 0.3, "trust": 1}, f"trust=1 {RANGE} trust < 1"),
        (
            "random",
            {"keep": 0.3, "observe": "training"},
            "policy random never looks at a loss: leave out --observe",
        ),
        ("full", {"observe": "evaluation"}, "policy full never looks at a loss: leave out --observe"),
        (
            "ema",
            {"keep": 0.3, "observe": "nothing"},
            "there is no way to observe 'nothing': use evaluation or training",
        ),
        ("ema", {"keep": 1.3}, "keep=1.3 is not a fraction: use 0 < keep <= 1, or a count of samples"),
        ("ema", {"keep": "0.2:0"}, "keep=0 is not a fraction: use 0 < keep <= 1, or a count of samples"),
        ("ema", {"keep": 101}, "keep=101 is more than the 100 samples there are: use 100 or fewer"),
        ("ema", {"keep": "0.2:101"}, "keep=101 is more than the 100 samples there are: use 100 or fewer"),
        ("ema", {"keep": "0.2:"}, "keep= is not a number: use a fraction such as 0.3, or a count"),
        (
            "ema",
            {"keep": "0.2:0.4:0.6"},
            "keep=0.4:0.6 is not a number: use a fraction such as 0.3, or a count",
        ),
        ("ema", {"keep": "few"}, "keep=few is not a number: use a fraction such as 0.3, or a count"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_with_its_remedy(policy, asked, text):
    with pytest.raises(CurateError) as problem:
        planned(policy, **asked)
    assert str(problem.value) == text

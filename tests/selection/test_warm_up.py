"""The warm-up of a session: how long it is, what it draws, and which policies have none."""

from fractions import Fraction

import pytest

from curate import finder
from curate.errors import CurateError
from curate.selection.session import Asked, plan_session
from curate.selection.warm_up import warms_up


def planned(policy, warm_up=None, n=100, n_epochs=20, **asked):
    """As a user plans it: nothing is said of a warm-up unless it is said here."""
    given = {"keep": "0.3", **asked}
    return plan_session(finder.make("policies", policy), policy, n, n_epochs, Asked(warm_up=warm_up, **given))


RANKING = ["ema", "epsilon-greedy", "static-ucb", "ucb", "uncertainty"]


def test_the_policies_that_rank_by_losses_are_those_that_warm_up():
    names = [name for name in finder.names("policies") if warms_up(finder.load("policies", name))]
    assert names == RANKING


@pytest.mark.parametrize(
    ("asked", "n_epochs", "period", "expected"),
    [
        ("0", 20, 1, 0),
        ("0%", 20, 1, 0),
        ("0.0", 20, 1, 0),
        ("4", 20, 1, 4),
        ("19", 20, 1, 19),
        ("10%", 20, 1, 2),
        ("0.1", 20, 1, 2),
        ("1/4", 20, 1, 5),
        (" 25 % ", 20, 1, 5),
        ("0.1:full", 20, 1, 2),
        ("0.1:random", 20, 1, 2),
        ("3:full", 20, 1, 3),
        ("0.0001", 20, 1, 1),  # a period at least
        ("10%", 20, 5, 5),
        ("1", 20, 5, 1),  # epochs are taken as they are: the checkpoint of epoch 0 draws
        ("50%", 20, 5, 10),
        ("0.3", 10, 1, 3),  # not 3.0000000000000004, nor 2
    ],
)
def test_it_is_so_many_epochs_or_a_share_of_the_run(asked, n_epochs, period, expected):
    session, _ = planned("ema", asked, n_epochs=n_epochs, period=period)
    assert session.warm_up_epochs == expected
    warm = [epoch for epoch in range(n_epochs) if session.is_warming_up(epoch)]
    assert warm == list(range(expected))


@pytest.mark.parametrize("policy", ["ema", "epsilon-greedy", "ucb", "uncertainty"])
@pytest.mark.parametrize(
    ("n_epochs", "period", "expected"),
    [
        (20, 1, 2),
        (40, 2, 4),
        (200, 10, 20),
        (6, 1, 1),
        (5, 2, 2),
        (4, 4, 0),  # one checkpoint, which is the policy's
        (1, 1, 0),
    ],
)
def test_it_is_a_tenth_of_the_run_where_nobody_says_otherwise(policy, n_epochs, period, expected):
    session, _ = planned(policy, n_epochs=n_epochs, period=period)
    assert (session.warm_up_epochs, session.warm_up_k) == (expected, None)


@pytest.mark.parametrize("policy", ["full", "random", "random-partition", "infobatch", "early-stop"])
def test_policies_that_do_not_rank_by_losses_have_none_and_refuse_one(policy):
    keep = None if finder.load("policies", policy).sizing == "own" else "0.5"
    assert planned(policy, keep=keep)[0].warm_up_epochs == 0
    for asked in ("0.1", "0"):
        with pytest.raises(CurateError, match=f"policy {policy} does not rank by losses: leave out"):
            planned(policy, asked, keep=keep)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("soon", "warm-up=soon is not a number: use 4 epochs, or a share such as 10%"),
        ("", "warm-up= is not a number"),
        ("1/0", "warm-up=1/0 is not a number"),
        ("0.1:some", "warm-up=0.1:some is unknown: write random or full behind the colon"),
        ("0.1:", "warm-up=0.1: is unknown: write random or full behind the colon"),
        ("-1", "warm-up=-1 is out of range: use whole epochs, or 0 <= share < 1"),
        ("-0.1", "warm-up=-0.1 is out of range"),
        ("1.5", "warm-up=1.5 is out of range"),
        ("100%", "warm-up=100% is out of range"),
        ("20", "warm-up=20 leaves no checkpoint to the policy: use 19 at most"),
    ],
)
def test_what_it_cannot_be_is_refused(asked, message):
    with pytest.raises(CurateError) as refused:
        planned("ema", asked)
    assert message in str(refused.value)


def test_the_last_checkpoint_is_the_policys():
    """Checkpoints at 0, 5, 10 and 15: with 15 warm epochs that of epoch 15 is left, with 16 none."""
    assert planned("ema", "15", period=5)[0].warm_up_epochs == 15
    with pytest.raises(CurateError, match="use 15 at most"):
        planned("ema", "16", period=5)


def test_a_draw_is_as_large_as_a_selection_or_takes_all():
    session, _ = planned("ema", "4", period=1, n_epochs=10)
    assert [session.k(epoch, 10) for epoch in range(10)] == [30] * 10
    session, _ = planned("ema", "4:full", period=1, n_epochs=10)
    assert [session.k(epoch, 10) for epoch in range(10)] == [100] * 4 + [30] * 6
    assert session.n_presentations == 4 * 100 + 6 * 30
    ramp, _ = planned("ema", "2", period=1, n_epochs=5, keep="0.2:0.6")
    assert [ramp.k(epoch, 5) for epoch in range(5)] == [20, 30, 40, 50, 60]


def test_a_budget_of_samples_counts_it():
    """10 epochs of 100 samples. At keep 0.5 they are 20; where all are taken at first, fewer."""
    assert planned("ema", "0", n_epochs=10, keep="0.5", budget="samples")[1] == 20
    assert planned("ema", "0.2", n_epochs=10, keep="0.5", budget="samples")[1] == 20
    session, n_epochs = planned("ema", "4:full", n_epochs=10, keep="0.5", period=1, budget="samples")
    assert n_epochs == 16  # 4 of 100 and 12 of 50
    assert session.n_presentations == 1000
    session, n_epochs = planned("ema", "8:full", n_epochs=10, keep="0.1", period=1, budget="samples")
    assert n_epochs == 28  # 8 of 100 and 20 of 10
    assert session.n_presentations == 1000
    with pytest.raises(CurateError, match="warm-up=10:full leaves no checkpoint to the policy"):
        planned("ema", "10:full", n_epochs=10, keep="0.5", period=1, budget="samples")


def test_a_share_of_a_run_that_a_budget_stretches_is_of_the_stretched_run():
    session, n_epochs = planned("ema", "1/10", n_epochs=10, keep="0.5", budget="samples")
    assert session.warm_up_epochs == Fraction(n_epochs, 10) == 2


@pytest.mark.parametrize(
    ("floor", "fits"), [(0.5, True), (1.0, True), (0.0, True), (-0.1, False), (1.1, False)]
)
def test_a_class_floor_is_a_share(floor, fits):
    if fits:
        assert planned("random", class_floor=floor)[0].class_floor == floor
    else:
        with pytest.raises(CurateError):
            planned("random", class_floor=floor)


@pytest.mark.parametrize("policy", ["full", "infobatch", "early-stop"])
def test_policies_that_size_themselves_have_no_class_floor(policy):
    keep = "0.5" if policy == "early-stop" else None
    message = f"policy {policy} decides itself what it trains on: leave out --class-floor"
    with pytest.raises(CurateError, match=message):
        planned(policy, keep=keep, class_floor=0.5)

"""Sessions: what a user asks for and what comes of it; what a run observes; how a killed run goes on."""

import dataclasses
import io
import itertools

import numpy as np
import pytest
import torch

import curate
from curate import finder
from curate import learner as learners
from curate.artifact import make_header
from curate.errors import CurateError
from curate.learner import Learner
from curate.manifest import Selected, write_manifest
from curate.network import Recipe
from curate.policy import Plan
from curate.session import Asked, Session, plan_session
from curate.training.batches import Batches
from curate.training.evaluate import EVALUATION_BATCH
from curate.training.loop import fit
from curate.training.observer import Observer

CPU = torch.device("cpu")
QUICK = Recipe(n_epochs=6, batch_size=50, optimizer="adam", lr=2e-3, weight_decay=0.0, schedule="cosine")


def planned(policy, n=100, n_epochs=20, **asked):
    return plan_session(finder.make("policies", policy), policy, n, n_epochs, Asked(**asked))


def counts(session, n_epochs):
    """How many samples are kept at each checkpoint."""
    return [session.k(epoch, n_epochs) for epoch in range(n_epochs) if session.is_due(epoch)]


# What a user asks for


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
    session, found = planned("random", n_epochs=n_epochs, keep=keep, budget="samples")
    assert found == stretched
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
    session, found = planned("early-stop", n_epochs=n_epochs, keep=keep)
    assert (session.n_presentations, found, session.period_epochs) == (n_presentations, n_whole, 1)


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
        ("ema", {"keep": 0.3}, "evaluation"),
        ("ema", {"keep": 0.3, "observe": "training"}, "training"),
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
        ("full", {"keep": 0.3}, "policy full decides itself how many samples to keep: leave out --keep"),
        (
            "infobatch",
            {"keep": 0.3},
            "policy infobatch decides itself how many samples to keep: leave out --keep",
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


# What a run observes


@pytest.fixture(autouse=True)
def _one_thread():
    """These networks are so small that a second thread only waits for the first."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def digits():
    return curate.open_dataset("digits").take(np.arange(300))


@pytest.fixture(scope="module")
def few(digits):
    return digits.take(np.arange(100))


@dataclasses.dataclass
class Spy:
    """A policy for tests: another policy, or a fixed selection, that notes what it was shown."""

    inner: object
    looks: bool = True
    epochs: list = dataclasses.field(default_factory=list)
    available: list = dataclasses.field(default_factory=list)
    losses: list = dataclasses.field(default_factory=list)
    plans: list = dataclasses.field(default_factory=list)

    def plan(self, view):
        self.epochs.append(view.epoch)
        self.available.append(view.available.copy())
        if self.looks:
            self.losses.append(view.losses().copy())
        plan = Plan(self.inner) if isinstance(self.inner, Selected) else self.inner.plan(view)
        self.plans.append(plan)
        return plan


def make(name, **options):
    return finder.make("policies", name, options)


def begin(data, policy, session, recipe=QUICK, *, model="basic-cnn", seed=0, resume=None, width=4):
    """A fresh learner and its epochs to come."""
    learner = learners.build(model, {"width": width} if model == "basic-cnn" else {}, data, seed, CPU)
    return learner, fit(
        learner,
        policy,
        Batches(data, learner),
        np.arange(len(data)),
        recipe,
        seed,
        session=session,
        resume=resume,
    )


def run(data, policy, session, recipe=QUICK, **how):
    learner, epochs = begin(data, policy, session, recipe, **how)
    return learner, list(epochs)


def test_random_never_pays_for_a_full_pass(few, monkeypatch):
    def fail(self):
        raise AssertionError("a full pass was made")

    monkeypatch.setattr(Observer, "_full_pass", fail)
    session, _ = planned("random", 100, 6, keep=0.3)
    _, epochs = run(few, make("random"), session)
    assert [len(epoch.selected.indices) for epoch in epochs] == [30] * 6
    with pytest.raises(AssertionError, match="a full pass was made"):  # so the test can fail
        run(few, make("ema"), dataclasses.replace(session, observes="evaluation"))


@pytest.mark.parametrize(
    ("policy", "more"), [("ema", {}), ("ucb", {}), ("ucb", {"adapt": 0.9999, "trust": 0.9})]
)
def test_one_full_pass_per_checkpoint_in_evaluation_mode_without_augmentation(
    digits, monkeypatch, policy, more
):
    passes, batches = [], []
    full_pass, logits = Observer._full_pass, Learner.logits

    def spy_on_pass(self):
        passes.append(self._epoch)
        return full_pass(self)

    def spy_on_logits(self, images):
        if not self.module.training:
            assert not torch.is_grad_enabled()
            batches.append(images.clone())
        return logits(self, images)

    monkeypatch.setattr(Observer, "_full_pass", spy_on_pass)
    monkeypatch.setattr(Learner, "logits", spy_on_logits)
    session, _ = planned(policy, 300, 5, keep=0.3, period=2, **more)
    recipe = dataclasses.replace(QUICK, n_epochs=5, augment="crop-flip")
    learner, _ = run(digits, make(policy), session, recipe)
    assert passes == [0, 2, 4]
    assert [len(images) for images in batches] == [EVALUATION_BATCH, 50] * 3
    plain = torch.cat([images for images, _ in Batches(digits, learner).plain(np.arange(300), 300)])
    for first, second in zip(batches[::2], batches[1::2], strict=True):
        assert (torch.cat([first, second]) == plain).all()


def test_the_losses_of_a_full_pass_are_the_cross_entropies_in_evaluation_mode(digits):
    """The first checkpoint sees the untrained model: here is one of the same seed."""
    spy = Spy(make("ema"))
    session, _ = planned("ema", 300, 1, keep=0.3)
    run(digits, spy, session, dataclasses.replace(QUICK, n_epochs=1))
    untrained = learners.build("basic-cnn", {"width": 4}, digits, 0, CPU)
    images = torch.from_numpy(digits.images.read(np.arange(300))).permute(0, 3, 1, 2)
    with torch.inference_mode():
        logits = untrained.module.eval()(untrained.normalized(images)).double()
    by_hand = -logits.log_softmax(1)[torch.arange(300), torch.from_numpy(digits.labels)]
    np.testing.assert_allclose(spy.losses[0], by_hand.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", ["basic-cnn", "lenet5"])
def test_looking_leaves_the_bits_of_training_unchanged(few, model):
    """Both models have batch norm: a pass in training mode would shift its running statistics."""
    chosen = Selected(np.arange(0, 100, 2))
    recipe = dataclasses.replace(QUICK, n_epochs=3)
    weights = set()
    for looks, observes in (
        (False, "nothing"),
        (True, "evaluation"),
        (False, "evaluation"),
        (True, "training"),
    ):
        policy = Spy(chosen, looks)
        learner, _ = run(few, policy, Session(observes=observes), recipe, model=model)
        assert len(policy.losses) == (3 if looks else 0)
        weights.add(learners.weights_sha256(learner))
    assert len(weights) == 1


@pytest.mark.parametrize("size", [3e38, float("inf"), float("nan")])
def test_a_loss_that_is_not_finite_in_a_full_pass_stops_the_run(few, monkeypatch, size):
    """Sample 7 gets logits of such a size for all classes but its own: a loss of infinity, or none."""
    logits = Learner.logits

    def spoilt(self, images):
        found = logits(self, images)
        if not self.module.training:
            found[7] = size
            found[7, few.labels[7]] = -size
        return found

    monkeypatch.setattr(Learner, "logits", spoilt)
    session, _ = planned("ema", 100, 6, keep=0.3)
    text = (
        r"the loss of sample 7 is not finite at the checkpoint of epoch 0 \(1 such samples\): use a smaller"
    )
    with pytest.raises(CurateError, match=text):
        run(few, make("ema"), session)


def losses_by_hand(data, monkeypatch):
    """Notes, for every training batch, its indices and the cross-entropies of its forward pass.

    Indices from the order handed to the batches; losses from the logits, in float64.
    """
    seen, orders = [], []
    augmented, logits = Batches.augmented, Learner.logits

    def spy_on_order(self, order, *rest):
        orders.append(list(order))
        return augmented(self, order, *rest)

    def spy_on_logits(self, images):
        found = logits(self, images)
        if self.module.training:
            rows, orders[-1] = orders[-1][: len(images)], orders[-1][len(images) :]
            own = found.detach().double().log_softmax(1)[torch.arange(len(rows)), data.labels[rows]]
            seen.append((len(orders) - 1, rows, -own.numpy()))
        return found

    monkeypatch.setattr(Batches, "augmented", spy_on_order)
    monkeypatch.setattr(Learner, "logits", spy_on_logits)
    return seen


@pytest.mark.parametrize("period", [1, 2])
def test_losses_in_training_are_those_of_the_latest_presentation(digits, monkeypatch, period):
    seen = losses_by_hand(digits, monkeypatch)
    spy = Spy(make("ema"))
    session, _ = planned("ema", 300, 6, keep=0.4, period=period, observe="training")
    recipe = dataclasses.replace(QUICK, augment="crop")
    _, epochs = run(digits, spy, session, recipe)
    assert spy.epochs == list(range(0, 6, period))
    assert np.isnan(spy.losses[0]).all()
    for place, epoch in enumerate(spy.epochs[1:], 1):
        expected = np.full(300, np.nan)
        for trained_in, rows, losses in seen:
            if epoch - period <= trained_in < epoch:
                expected[rows] = losses
        np.testing.assert_allclose(spy.losses[place], expected, rtol=1e-4, atol=1e-6)
        presented = np.flatnonzero(~np.isnan(spy.losses[place]))
        assert presented.tolist() == spy.plans[place - 1].selected.indices.tolist()
    assert not any(np.isnan(epoch.loss) for epoch in epochs)


def test_no_full_pass_is_made_where_losses_are_seen_in_training(few, monkeypatch):
    def fail(self):
        raise AssertionError("a full pass was made")

    monkeypatch.setattr(Observer, "_full_pass", fail)
    session, _ = planned("ucb", 100, 6, keep=0.4, observe="training", trust=0.9, adapt=0.99)
    run(few, make("ucb"), session)


def test_ema_of_losses_in_training_looks_at_all_samples_before_it_looks_twice(few):
    session, _ = planned("ema", 100, 6, keep=0.25, observe="training")
    _, epochs = run(few, make("ema"), session)
    first_four = np.concatenate([epoch.selected.indices for epoch in epochs[:4]])
    assert sorted(first_four) == list(range(100))


def test_losses_seen_in_training_are_not_weighted(few, monkeypatch):
    seen = losses_by_hand(few, monkeypatch)
    spy = Spy(make("infobatch", ratio=0.6, delta=1.0))
    session, _ = planned("infobatch", 100, 3)
    run(few, spy, session, dataclasses.replace(QUICK, n_epochs=3))
    expected = np.full(100, np.nan)
    for trained_in, rows, losses in seen:
        if trained_in == 1:
            expected[rows] = losses
    assert set(np.unique(spy.plans[1].selected.weights).tolist()) == {1.0, 2.5}
    np.testing.assert_allclose(spy.losses[2], expected, rtol=1e-4, atol=1e-6)


# Adapting


def asked_at(data, monkeypatch, losses, adapt, policy="ema", **more):
    """The epochs at which a policy is asked in a run whose full passes find these losses."""
    found = iter(losses)
    monkeypatch.setattr(Observer, "_full_pass", lambda self: np.array(next(found), np.float32))
    spy = Spy(make(policy), looks=False)
    session, _ = planned(policy, len(data), len(losses), keep=0.5, period=1, adapt=adapt, **more)
    _, epochs = run(data, spy, session, dataclasses.replace(QUICK, n_epochs=len(losses)))
    assert [epoch.epoch for epoch in epochs if epoch.asked] == spy.epochs
    return spy, epochs


def test_adapt_asks_once_where_nothing_moves(digits, monkeypatch):
    data = digits.take(np.arange(20))
    losses = np.random.default_rng(0).permutation(20)
    spy, epochs = asked_at(data, monkeypatch, [losses] * 5, 0.9999)
    assert spy.epochs == [0]
    assert all(epoch.selected is epochs[0].selected for epoch in epochs)
    assert [epoch.checkpoint for epoch in epochs] == [0] * 5


def test_adapt_asks_once_where_all_losses_are_equal_and_says_nothing_of_it(digits, monkeypatch, recwarn):
    data = digits.take(np.arange(20))
    assert asked_at(data, monkeypatch, [[1.0] * 20] * 4, 0.5)[0].epochs == [0]
    assert not list(recwarn)


def test_adapt_asks_again_where_equal_losses_came_apart(digits, monkeypatch):
    """A network whose last layer starts at zero has one loss for all samples at first."""
    data = digits.take(np.arange(20))
    up = np.arange(20.0)
    assert asked_at(data, monkeypatch, [[2.3] * 20, up, 19 - up], 0.5)[0].epochs == [0, 1, 2]


def test_adapt_asks_again_where_ranks_are_turned_round(digits, monkeypatch):
    data = digits.take(np.arange(20))
    up = np.arange(20.0)
    losses = [up, up**2, 19 - up, 19 - up, up]  # epoch 1 has other values in the same order
    assert asked_at(data, monkeypatch, losses, 0.0001)[0].epochs == [0, 2, 4]


def test_adapt_compares_with_the_last_selection_not_the_last_checkpoint(digits, monkeypatch):
    """Losses drift: each step correlates highly with the one before, and ever less with the first.

    Spearman's rho of two permutations is 1 - 6 sum d^2 / (n (n^2 - 1)). A rotation of 20 ranks by s moves
    20 - s of them by s and s of them by 20 - s: by 1 the sum is 400 - 20 = 380, by 2 it is 720, by 3 it is
    1020, by 4 it is 1280; n (n^2 - 1) / 6 = 1330. So rho = 0.714, 0.459, 0.233, 0.038.
    """
    data = digits.take(np.arange(20))
    losses = [np.roll(np.arange(20.0), shift) for shift in range(8)]
    assert asked_at(data, monkeypatch, losses, 0.5)[0].epochs == [0, 2, 4, 6]
    assert asked_at(data, monkeypatch, losses, 0.3)[0].epochs == [0, 3, 6]
    assert asked_at(data, monkeypatch, losses, 0.8)[0].epochs == list(range(8))


def test_adapt_in_a_real_run_asks_the_more_the_higher_its_limit(few):
    def asked(adapt):
        session, _ = planned("ema", 100, 6, keep=0.5, adapt=adapt)
        spy = Spy(make("ema"))
        _, epochs = run(few, spy, session)
        assert spy.epochs == [epoch.epoch for epoch in epochs if epoch.asked]
        return spy.epochs

    assert asked(0.9999) == [0, 1, 2, 3, 4, 5]
    assert len(asked(0.0001)) < 6


def test_adapt_lets_random_draw_again_only_where_the_losses_moved(digits, monkeypatch):
    data = digits.take(np.arange(20))
    up = np.arange(20.0)
    spy, epochs = asked_at(data, monkeypatch, [up, up, 19 - up, 19 - up], 0.5, policy="random")
    assert spy.epochs == [0, 2]
    assert [epoch.checkpoint for epoch in epochs] == [0, 0, 2, 2]


def test_adapt_with_losses_in_training_waits_until_there_are_some(few):
    session, _ = planned("ema", 100, 4, keep=0.5, adapt=0.0001, observe="training")
    spy = Spy(make("ema"))
    run(few, spy, session, dataclasses.replace(QUICK, n_epochs=4))
    assert spy.epochs[:2] == [0, 1]  # nothing was seen at 0


# What does not go together is refused, or does what both say


def planned_or_refused(policy, n, n_epochs, **asked):
    try:
        return planned(policy, n, n_epochs, **asked)
    except CurateError:
        return None


def pretend_losses(monkeypatch, n):
    """Full passes find the same losses every time, so that a session which adapts asks only once."""
    losses = np.arange(n, dtype=np.float32) ** 4
    monkeypatch.setattr(Observer, "_full_pass", lambda self: losses)


@pytest.mark.parametrize("more", [{"adapt": 0.5}, {"trust": 0.8}])
def test_early_stop_spends_its_presentations_or_is_refused(few, monkeypatch, more):
    if "adapt" in more:
        pretend_losses(monkeypatch, 100)
    found = planned_or_refused("early-stop", 100, 6, keep=0.75, **more)
    if found is None:
        return
    session, n_epochs = found
    _, epochs = run(few, make("early-stop"), session, dataclasses.replace(QUICK, n_epochs=n_epochs))
    assert epochs[-1].samples_seen == session.n_presentations


@pytest.mark.parametrize("more", [{"adapt": 0.5, "observe": "evaluation"}, {"period": 5}])
def test_infobatch_anneals_at_the_end_or_is_refused(few, monkeypatch, more):
    if "adapt" in more:
        pretend_losses(monkeypatch, 100)
    found = planned_or_refused("infobatch", 100, 8, **more)
    if found is None:
        return
    _, epochs = run(few, make("infobatch"), found[0], dataclasses.replace(QUICK, n_epochs=8))
    assert len(epochs[-1].selected.indices) == 100


def recorded(path, data, selection):
    """A policy that replays this list of indices per epoch."""
    header = make_header("manifest", "train", {}, seed=0, dataset=data.header())
    samples = {"index": np.arange(len(data)), "uid": data.uids, "label": data.labels}
    chosen = [Selected(np.array(indices)) for indices in selection]
    return make("recorded", manifest=str(write_manifest(path, header, chosen, samples).path))


@pytest.mark.parametrize("more", [{"adapt": 0.5}, {"period": 2}])
def test_a_record_is_replayed_epoch_by_epoch_or_refused(few, monkeypatch, tmp_path, more):
    pretend_losses(monkeypatch, 100)
    selection = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]]
    policy = recorded(tmp_path / "run", few, selection)
    found = planned_or_refused("recorded", 100, 4, **more)
    if found is None:
        return
    _, epochs = run(few, policy, found[0], dataclasses.replace(QUICK, n_epochs=4))
    assert [epoch.selected.indices.tolist() for epoch in epochs] == selection


def test_what_is_not_trusted_is_not_replayed_or_trust_is_refused(few, tmp_path):
    policy = recorded(tmp_path / "run", few, [range(100)])
    found = planned_or_refused("recorded", 100, 3, trust=0.5)
    if found is None:
        return
    _, epochs = run(few, policy, found[0], dataclasses.replace(QUICK, n_epochs=3))
    distrusted = np.flatnonzero(epochs[-1].state()["observer"]["distrusted"].numpy())
    assert len(distrusted) == 50
    assert not np.isin(epochs[-1].selected.indices, distrusted).any()


def test_a_budget_larger_than_what_is_trusted_is_kept_or_refused(few):
    """Keeping 0.9 of the samples and trusting 0.5 of them cannot both be."""
    found = planned_or_refused("random", 100, 4, keep=0.9, trust=0.5)
    if found is None:
        return
    _, epochs = run(few, make("random"), found[0], dataclasses.replace(QUICK, n_epochs=4))
    assert [len(epoch.selected.indices) for epoch in epochs] == [90] * 4


# Trust


@pytest.fixture(scope="module")
def mislabelled(digits):
    """Digits with 30 of 300 labels wrong, and which ones."""
    chance = np.random.default_rng(0)
    wrong = np.sort(chance.choice(300, 30, replace=False))
    labels = digits.labels.copy()
    labels[wrong] = (labels[wrong] + chance.integers(1, 10, 30)) % 10
    return dataclasses.replace(digits, labels=labels), wrong


@pytest.mark.parametrize(
    ("policy", "observe"), [("random", "training"), ("ema", "evaluation"), ("ema", "training")]
)
def test_wrong_labels_end_up_distrusted_and_are_not_selected(mislabelled, policy, observe):
    data, wrong = mislabelled
    recipe = dataclasses.replace(QUICK, n_epochs=12, batch_size=25, lr=1e-2)
    session, _ = planned(policy, 300, 12, keep=0.5, trust=0.9, observe=observe)
    spy = Spy(make(policy), looks=False)
    _, epochs = begin(data, spy, session, recipe, width=8)
    for epoch in epochs:
        state = epoch.state()["observer"]
        distrusted = np.flatnonzero(state["distrusted"].numpy())
        if epoch.epoch < 2:  # a tenth of 12 epochs, rounded up
            assert len(distrusted) == 0
            assert len(spy.available[-1]) == 300
        else:
            assert len(distrusted) == 30
            assert np.union1d(distrusted, spy.available[-1]).tolist() == list(range(300))
            assert not np.isin(distrusted, spy.available[-1]).any()
        assert not np.isin(epoch.selected.indices, distrusted).any()
        assert len(epoch.selected.indices) == 150
    assert np.isin(distrusted, wrong).mean() > 0.6  # 0.1 by chance


def test_aum_is_the_mean_margin_since_the_first_epoch(few, monkeypatch):
    """By hand from every forward pass in training; a sample without any is trusted."""
    margins = [[] for _ in range(100)]
    orders = []
    augmented, logits = Batches.augmented, Learner.logits

    def spy_on_order(self, order, *rest):
        orders.append(list(order))
        return augmented(self, order, *rest)

    def spy_on_logits(self, images):
        found = logits(self, images)
        rows, orders[-1] = orders[-1][: len(images)], orders[-1][len(images) :]
        for row, values in zip(rows, found.detach().double().tolist(), strict=True):
            own = values.pop(few.labels[row])
            margins[row].append(own - max(values))
        return found

    monkeypatch.setattr(Batches, "augmented", spy_on_order)
    monkeypatch.setattr(Learner, "logits", spy_on_logits)
    session, _ = planned("random", 100, 4, keep=0.2, trust=0.75, observe="training")
    spy = Spy(make("random"), looks=False)
    _, epochs = begin(few, spy, session, dataclasses.replace(QUICK, n_epochs=4))
    aum = np.full(100, np.nan)
    for epoch in epochs:
        state = epoch.state()["observer"]
        known = np.flatnonzero(~np.isnan(aum))  # as it was when this epoch began
        n_out = 0 if epoch.epoch == 0 else min(25, len(known))
        lowest = known[np.argsort(aum[known])[:n_out]]
        assert np.flatnonzero(state["distrusted"].numpy()).tolist() == sorted(lowest)
        aum = np.array([np.mean(values) if values else np.nan for values in margins])
        found = (state["margin_sum"] / state["n_margins"]).numpy()
        np.testing.assert_allclose(found, aum, rtol=1e-3, atol=1e-4)


def test_without_trust_there_is_no_guard(few):
    session, _ = planned("ema", 100, 1, keep=0.5)
    _, (epoch,) = run(few, make("ema"), session, dataclasses.replace(QUICK, n_epochs=1))
    assert not {"distrusted", "margin_sum", "n_margins"} & set(epoch.state()["observer"])


# Going on after a kill

SESSIONS = {
    "random": {"keep": 0.3},
    "random-range": {"keep": "0.2:0.6", "period": 2},
    "ema": {"keep": 0.3, "period": 2},
    "ucb": {"keep": 0.3, "observe": "training"},
    "random-partition": {"keep": 0.3},
    "infobatch": {},
    "early-stop": {"keep": 0.55},
    "ema-trust": {"keep": 0.3, "trust": 0.9},
    "ucb-trust": {"keep": 0.3, "trust": 0.9, "observe": "training", "period": 2},
    "ucb-adapt": {"keep": 0.3, "adapt": 0.9},
    "ema-adapt": {"keep": 0.5, "adapt": 0.7, "observe": "training"},
}


def round_trip(state):
    """A state as it comes back from disk, read without trusting it."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def told(epoch):
    """All that an epoch says, but for the clock."""
    weights = epoch.selected.weights
    return (
        epoch.epoch,
        epoch.asked,
        epoch.checkpoint,
        epoch.selected.indices.tolist(),
        None if weights is None else weights.tolist(),
        epoch.changed,
        epoch.samples_seen,
        epoch.loss,
        epoch.accuracy,
        epoch.lr,
    )


@pytest.mark.parametrize("name", SESSIONS)
def test_a_killed_run_goes_on_to_the_same_bits(few, name):
    policy = next(
        known for known in sorted(finder.names("policies"), key=len)[::-1] if name.startswith(known)
    )
    session, n_epochs = planned(policy, 100, 6, **SESSIONS[name])
    recipe = dataclasses.replace(QUICK, n_epochs=n_epochs, augment="crop")
    learner, epochs = run(few, make(policy), session, recipe)
    whole, weights = [told(epoch) for epoch in epochs], learners.weights_sha256(learner)
    memory = epochs[-1].state()["memory"]
    state, told_in_all = None, []
    for last in (0, 2, 4, n_epochs):  # killed after epoch 0, the second attempt after 2, the third after 4
        resumed, epochs = begin(few, make(policy), session, recipe, resume=state)
        for epoch in epochs:
            told_in_all.append(told(epoch))
            state = round_trip(epoch.state())
            if epoch.epoch == last:
                epochs.close()
    assert told_in_all == whole
    assert learners.weights_sha256(resumed) == weights
    assert set(state["memory"]) == set(memory)
    assert all(torch.equal(state["memory"][key].nan_to_num(), memory[key].nan_to_num()) for key in memory)


def test_the_resumed_runs_above_would_notice_a_lost_memory(few):
    """Without the momentum, or without the memory of the policy, other bits come out."""
    session, _ = planned("random-partition", 100, 6, keep=0.3)
    learner, epochs = run(few, make("random-partition"), session)
    _, begun = begin(few, make("random-partition"), session)
    state = round_trip(next(begun).state())
    lost, rest = run(few, make("random-partition"), session, resume={**state, "memory": {}})
    assert [told(epoch) for epoch in rest] != [told(epoch) for epoch in epochs[1:]]
    fresh = {**state["optimizer"], "state": {}}
    still, _ = run(few, make("random-partition"), session, resume={**state, "optimizer": fresh})
    sums = [learners.weights_sha256(one) for one in (learner, lost, still)]
    assert len(set(sums)) == 3


def test_a_batch_norm_network_under_sgd_resumes_too(few):
    recipe = dataclasses.replace(QUICK, n_epochs=4, optimizer="sgd", lr=0.05, schedule="onecycle")
    session, _ = planned("ucb", 100, 4, keep=0.4)
    learner, _ = run(few, make("ucb"), session, recipe, model="lenet5")
    _, begun = begin(few, make("ucb"), session, recipe, model="lenet5")
    next(begun)
    state = round_trip(next(begun).state())
    resumed, _ = run(few, make("ucb"), session, recipe, model="lenet5", resume=state)
    assert learners.weights_sha256(resumed) == learners.weights_sha256(learner)


def test_a_run_that_is_done_has_nothing_left_to_do(few):
    session, _ = planned("ema", 100, 2, keep=0.4)
    recipe = dataclasses.replace(QUICK, n_epochs=2)
    learner, epochs = run(few, make("ema"), session, recipe)
    resumed, rest = run(few, make("ema"), session, recipe, resume=round_trip(epochs[-1].state()))
    assert rest == []
    assert learners.weights_sha256(resumed) == learners.weights_sha256(learner)


def test_asking_for_a_state_changes_nothing(few):
    session, _ = planned("ucb", 100, 4, keep=0.4, trust=0.8)
    recipe = dataclasses.replace(QUICK, n_epochs=4)
    plain, _ = run(few, make("ucb"), session, recipe)
    watched, epochs = begin(few, make("ucb"), session, recipe)
    for epoch in epochs:
        round_trip(epoch.state())
    assert learners.weights_sha256(watched) == learners.weights_sha256(plain)

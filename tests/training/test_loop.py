"""The loop: equal commands give equal bits, a subset is a subsequence, batches do as they say."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

import curate
from curate import finder
from curate.data.dataset import Dataset
from curate.data.images import ResidentImages
from curate.errors import CurateError
from curate.manifests.manifest import Selected
from curate.networks import learner as learners
from curate.networks.model import Recipe
from curate.networks.pooling import MaxPool2
from curate.rng import rng, stream_seed
from curate.selection.policy import Plan, View
from curate.selection.session import Session
from curate.training.batches import Batches, ahead, check_augment, shift_and_mirror
from curate.training.evaluate import evaluate
from curate.training.loop import fit
from curate.training.schedules import SCHEDULES, schedule

CPU = torch.device("cpu")
QUICK = Recipe(n_epochs=2, batch_size=32, optimizer="adam", lr=2e-3, weight_decay=0.0, schedule="cosine")


@pytest.fixture(scope="module")
def digits():
    return curate.open_dataset("digits").take(np.arange(300))


def run(data, recipe=QUICK, seed=0, policy=None, model="basic-cnn", session=Session()):
    learner = learners.build(model, {}, data, seed, CPU)
    policy = policy or finder.make("policies", "full")
    everything = np.arange(len(data))
    epochs = list(fit(learner, policy, Batches(data, learner), everything, recipe, seed, session=session))
    return learner, epochs


@dataclasses.dataclass
class Fixed:
    """A policy for tests: the same selection, renewed at every epoch."""

    selected: Selected
    asked: list

    observes = "nothing"
    budget = "own"
    period = 1

    def plan(self, view: View) -> Plan:
        self.asked.append(view.epoch)
        return Plan(self.selected)


def test_the_same_run_gives_the_same_bits_and_another_seed_does_not(digits):
    one, same, other = (learners.weights_sha256(run(digits, seed=seed)[0]) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_what_was_drawn_before_does_not_matter(digits):
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002
    before = torch.get_rng_state()
    one = learners.weights_sha256(run(digits)[0])
    assert (torch.get_rng_state() == before).all()
    torch.rand(7)
    assert learners.weights_sha256(run(digits)[0]) == one


def test_one_sgd_step_equals_torch_by_hand(digits):
    """All samples in one batch: one Nesterov step against torch's own autograd and update rule."""
    recipe = Recipe(1, 300, "sgd", 0.05, 0.9, 5e-4, "constant", "none")
    ours, _ = run(digits, recipe)
    hand = learners.build("basic-cnn", {}, digits, 0, CPU)
    order = rng(0, "order", 0).permutation(300)
    images = torch.from_numpy(digits.images.read(order)).permute(0, 3, 1, 2)
    mean, std = hand.normalization.mean[0] * 255, hand.normalization.std[0] * 255
    hand.module.train()
    loss = functional.cross_entropy(
        hand.module((images.float() - mean) / std), torch.from_numpy(digits.labels[order])
    )
    loss.backward()
    with torch.no_grad():
        for parameter in hand.module.parameters():
            gradient = parameter.grad + 5e-4 * parameter
            parameter -= 0.05 * (gradient + 0.9 * gradient)  # first step: the momentum buffer is the gradient
    for mine, theirs in zip(ours.module.parameters(), hand.module.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=2e-6, rtol=1e-4)


def test_normalization_is_mean_and_deviation_whatever_the_order(digits):
    pixels = digits.images.read(np.arange(300)) / 255.0
    found = learners.normalization_of(digits)
    assert found.mean[0] == pytest.approx(pixels.mean(), abs=1e-9)
    assert found.std[0] == pytest.approx(pixels.std(), abs=1e-6)
    shuffled = digits.take(np.random.default_rng(0).permutation(300))
    assert learners.normalization_of(shuffled) == found


def seen_orders(data, selected, monkeypatch):
    orders = []
    monkeypatch.undo()
    original = Batches.augmented

    def spy(self, order, *rest):
        orders.append(order.tolist())
        return original(self, order, *rest)

    monkeypatch.setattr(Batches, "augmented", spy)
    run(data, policy=Fixed(Selected(selected), []))
    return orders


def test_the_order_of_a_subset_is_a_subsequence_of_the_full_order(digits, monkeypatch):
    subset = np.array([3, 7, 100, 101, 250])
    full = seen_orders(digits, np.arange(300), monkeypatch)
    part = seen_orders(digits, subset, monkeypatch)
    for whole, some in zip(full, part, strict=True):
        assert sorted(whole) == list(range(300))
        assert [index for index in whole if index in set(subset)] == some
    assert full[0] != full[1]


def test_samples_seen_counts_presentations_and_a_policy_is_asked_at_every_checkpoint(digits):
    policy = Fixed(Selected(np.arange(50)), [])
    _, epochs = run(digits, dataclasses.replace(QUICK, n_epochs=3), policy=policy)
    assert [epoch.samples_seen for epoch in epochs] == [50, 100, 150]
    assert policy.asked == [0, 1, 2]
    rarer = Fixed(Selected(np.arange(50)), [])
    run(digits, dataclasses.replace(QUICK, n_epochs=5), policy=rarer, session=Session(period_epochs=2))
    assert rarer.asked == [0, 2, 4]


def test_weights_scale_the_loss_of_each_sample(digits):
    """Weight 0 is as good as absent, up to the mean over the batch: compare with a doubled rest."""
    indices = np.arange(64)
    weights = np.where(indices < 32, 0.0, 2.0).astype(np.float32)
    recipe = Recipe(1, 64, "sgd", 0.05, 0.0, 0.0, "constant", "none")
    weighted, _ = run(digits, recipe, policy=Fixed(Selected(indices, weights), []))
    hand = learners.build("basic-cnn", {}, digits, 0, CPU)
    order = [index for index in rng(0, "order", 0).permutation(300) if index < 64]
    images = torch.from_numpy(digits.images.read(np.array(order))).permute(0, 3, 1, 2)
    logits = hand.module.train()(hand.normalized(images))
    losses = functional.cross_entropy(logits, torch.from_numpy(digits.labels[order]), reduction="none")
    (losses * torch.from_numpy(weights[order])).mean().backward()
    for mine, start in zip(weighted.module.parameters(), hand.module.parameters(), strict=True):
        torch.testing.assert_close(mine, start - 0.05 * start.grad, atol=2e-6, rtol=1e-4)


@pytest.mark.parametrize("selected", [[], None])
def test_an_empty_selection_is_an_error(digits, selected):
    policy = Fixed(Selected(np.array(selected or [], np.int64)), [])
    with pytest.raises(CurateError, match="nothing is selected in epoch 0"):
        run(digits, policy=policy)


def test_a_diverging_run_names_the_learning_rate(digits):
    recipe = Recipe(3, 32, "sgd", 1e12, 0.9, 0.0, "constant", "none")
    with pytest.raises(
        CurateError, match=r"the loss is (nan|inf) in epoch \d, first that of sample \d+: use a smaller --lr"
    ):
        run(digits, recipe)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_epochs": 0}, "epochs=0 is out of range: use 1 or more"),
        ({"batch_size": 0}, "batch-size=0 is out of range"),
        ({"lr": 0.0}, "lr=0.0 is out of range: use more than 0"),
        ({"momentum": 1.0}, "momentum=1.0 is out of range"),
        ({"weight_decay": -1.0}, "weight-decay=-1.0 is out of range"),
        ({"optimizer": "adamw"}, "optimizer=adamw is out of range: use sgd or adam"),
        ({"schedule": "cosin"}, r"no schedule 'cosin': did you mean cosine\?"),
        ({"augment": "cutmix"}, "augment=cutmix is unknown: use one of auto"),
    ],
)
def test_settings_that_cannot_train_are_refused(digits, change, message):
    with pytest.raises(CurateError, match=message):
        run(digits, dataclasses.replace(QUICK, **change))


@given(st.floats(0, 1), st.sampled_from(sorted(SCHEDULES)))
def test_schedules_stay_between_zero_and_the_full_rate(fraction, name):
    assert 0 <= schedule(name)(fraction) <= 1 + 1e-12


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("constant", {0: 1, 0.5: 1, 1: 1}),
        ("cosine", {0: 1, 0.5: 0.5, 1: 0}),
        ("multistep", {0: 1, 0.29: 1, 0.3: 0.2, 0.6: 0.04, 0.8: 0.008}),
        ("onecycle", {0: 0.04, 0.3: 1, 0.15: 0.52, 1: 1e-4}),
    ],
)
def test_schedules_by_hand(name, points):
    for fraction, factor in points.items():
        assert schedule(name)(fraction) == pytest.approx(factor, abs=1e-9)


def naive_shift(image, dy, dx, mirror, reach):
    channels, height, width = image.shape
    result = np.zeros_like(image)
    for c in range(channels):
        for y in range(height):
            for x in range(width):
                source_x = width - 1 - x if mirror else x
                yy, xx = y + dy - reach, source_x + dx - reach
                if 0 <= yy < height and 0 <= xx < width:
                    result[c, y, x] = image[c, yy, xx]
    return result


def test_crop_and_flip_equal_the_naive_loops():
    chance = np.random.default_rng(0)
    images = chance.integers(0, 256, (12, 3, 6, 5), dtype=np.uint8)
    shifts, mirrored = chance.integers(0, 5, (12, 2)), chance.random(12) < 0.5
    found = shift_and_mirror(
        torch.from_numpy(images), torch.from_numpy(shifts), torch.from_numpy(mirrored), 2
    )
    for i in range(12):
        assert (found[i].numpy() == naive_shift(images[i], *shifts[i], mirrored[i], 2)).all()


def test_what_befalls_a_sample_does_not_depend_on_its_batch(digits):
    learner = learners.build("basic-cnn", {}, digits, 0, CPU)
    batches = Batches(digits, learner)

    def images_of(order, size):
        pieces = [images for images, _ in batches.augmented(np.array(order), size, "crop-flip", 5, 2)]
        return dict(zip(order, torch.cat(pieces), strict=True))

    alone, together = images_of([7, 9], 1), images_of([3, 9, 250, 7, 11], 4)
    assert (alone[7] == together[7]).all()
    assert (alone[9] == together[9]).all()
    other_epoch = torch.cat([i for i, _ in batches.augmented(np.arange(50), 50, "crop-flip", 5, 3)])
    plain = torch.cat([i for i, _ in batches.plain(np.arange(50), 50)])
    assert (other_epoch != plain).any()


def test_streamed_images_train_to_the_same_bits(digits):
    class NotResident:
        shape = digits.images.shape

        def __len__(self):
            return len(digits)

        def read(self, rows):
            return digits.images.read(rows)

    streamed = dataclasses.replace(digits, images=NotResident())
    one, other = (learners.weights_sha256(run(data)[0]) for data in (digits, streamed))
    assert one == other


def test_auto_augments_colour_images_only():
    assert check_augment("auto", 3) == "crop-flip"
    assert check_augment("auto", 1) == "none"


def test_ahead_hands_over_errors_and_stops_early():
    def failing():
        yield 1
        raise ValueError("in the thread")

    items = ahead(failing())
    assert next(items) == 1
    with pytest.raises(ValueError, match="in the thread"):
        next(items)
    endless = ahead(iter(int, 1))
    assert [next(endless) for _ in range(10)] == [0] * 10
    endless.close()


def test_evaluation_equals_counting(digits):
    learner, _ = run(digits)
    found = evaluate(learner, Batches(digits, learner), 10)
    images = torch.from_numpy(digits.images.read(np.arange(300))).permute(0, 3, 1, 2)
    with torch.inference_mode():
        logits = learner.module.eval()(learner.normalized(images))
    guesses = logits.argmax(1).numpy()
    assert found.accuracy == pytest.approx((guesses == digits.labels).mean())
    per_class = [(guesses == digits.labels)[digits.labels == c].mean() for c in range(10)]
    np.testing.assert_allclose(found.per_class, per_class)
    assert found.worst_class == pytest.approx(min(per_class))
    expected = functional.cross_entropy(logits, torch.from_numpy(digits.labels)).item()
    assert found.loss == pytest.approx(expected, rel=1e-5)


def test_a_class_without_test_samples_has_no_accuracy(digits):
    learner, _ = run(digits)
    some = digits.take(np.flatnonzero(digits.labels != 4))
    found = evaluate(learner, Batches(some, learner), 10)
    assert np.isnan(found.per_class[4])
    assert 0 <= found.worst_class <= 1


def test_saved_weights_are_loaded_with_all_that_belongs_to_them(digits, tmp_path):
    learner, _ = run(digits)
    learners.save(learner, tmp_path / "w.safetensors")
    found = learners.load(tmp_path / "w.safetensors", CPU)
    assert learners.weights_sha256(found) == learners.weights_sha256(learner)
    assert found.normalization == learner.normalization
    assert (found.model, found.classes, found.input_size) == ("basic-cnn", digits.classes, (8, 8))


def test_lenet_pools_before_relu_without_changing_anything():
    """Against the textbook order of layers, with the same weights."""
    torch.manual_seed(0)
    ours = finder.make("models", "lenet5").build(1, 10)
    layers = list(ours)
    textbook = torch.nn.Sequential(*(layers[i] for i in (0, 1, 3, 2, 4, 5, 7, 6)), *layers[8:])
    images = torch.rand(16, 1, 32, 32)
    torch.testing.assert_close(ours(images), textbook(images))
    assert sum(parameter.numel() for parameter in ours.parameters()) == 61_750


@pytest.mark.parametrize(
    ("name", "channels", "parameters"),
    [  # as published for 32x32 images and 10 classes; basic-cnn counted by hand
        ("resnet18", 3, 11_173_962),
        ("resnet34", 3, 21_282_122),
        ("vgg16", 3, 14_728_266),
        ("basic-cnn", 1, 288 + 64 + 18_432 + 128 + 73_728 + 256 + 1_290),
    ],
)
def test_models_have_the_parameters_they_are_known_for(name, channels, parameters):
    network = finder.make("models", name).build(channels, 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_a_dataset_of_other_channels_is_refused(digits):
    learner, _ = run(digits)
    grey = ResidentImages(np.zeros((3, 8, 8, 3), np.uint8))
    colour = Dataset("colour", grey, np.zeros(3, np.int64), ["a"], np.arange(3, dtype=np.uint64))
    with pytest.raises(
        CurateError, match=r"colour has 3 channels, the model was made for 1: use --channels 1"
    ):
        Batches(colour, learner)


def test_streams_are_named_and_independent():
    assert stream_seed(0, "order", 1) == stream_seed(0, "order", 1)
    assert len({stream_seed(s, n, e) for s in range(3) for n in ("order", "init") for e in range(3)}) == 18
    assert 0 <= stream_seed(123, "x") < 2**63


def test_options_are_read_by_the_type_of_their_field():
    assert finder.make("models", "basic-cnn", {"width": "8"}).width == 8
    with pytest.raises(
        CurateError, match="width=wide does not fit model basic-cnn: Input should be a valid int"
    ):
        finder.make("models", "basic-cnn", {"width": "wide"})
    with pytest.raises(CurateError, match=r"there is no model called 'lenet': did you mean lenet5 or "):
        finder.load("models", "lenet")


@given(
    shape=st.tuples(*[st.integers(1, 3), st.integers(1, 3), st.integers(2, 9), st.integers(2, 9)]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_pooling_gives_the_bits_and_gradients_of_torch(shape, seed):
    images = torch.from_numpy(np.random.default_rng(seed).integers(-3, 4, shape)).float()
    with torch.inference_mode():
        assert torch.equal(MaxPool2()(images), functional.max_pool2d(images, 2))
    images.requires_grad_(True)
    ours, theirs = MaxPool2()(images), functional.max_pool2d(images, 2)
    assert torch.equal(ours, theirs)
    assert torch.equal(*(torch.autograd.grad(pooled.sum(), images)[0] for pooled in (ours, theirs)))

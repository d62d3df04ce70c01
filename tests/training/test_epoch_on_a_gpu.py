"""An epoch as a GPU would see it, with fake tensors: nothing in it waits for the device or copies from it."""

from collections import Counter
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from curate import finder
from curate.data.dataset import Dataset
from curate.data.images import ResidentImages
from curate.networks import learner as learners
from curate.networks.model import Hyperparameters
from curate.progress import LOGGED
from curate.training import batches as batching
from curate.training import epoch as epochs
from curate.training.augmentations.crop_flip import CropFlip
from curate.training.batches import Batches
from curate.training.book import Book
from curate.training.evaluate import evaluate
from curate.training.schedule import schedule

pytestmark = pytest.mark.filterwarnings("ignore:CUDA is not available:UserWarning")
GPU = torch.device("cuda", 0)
N, BATCH = 96, 8
SGD = Hyperparameters(n_epochs=2, batch_size=BATCH)


class Recorder(TorchDispatchMode):
    """Counts operations, and copies to the host, by what they are."""

    def __init__(self):
        super().__init__()
        self.operations, self.to_host = Counter(), Counter()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        self.operations[str(operation)] += 1
        was_there = any(isinstance(arg, torch.Tensor) and arg.device.type == "cuda" for arg in args)
        if was_there and isinstance(result, torch.Tensor) and result.device.type == "cpu":
            self.to_host[str(operation)] += 1
        return result


@pytest.fixture
def colour():
    pixels = np.random.default_rng(0).integers(0, 256, (N, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(N) % 4
    return Dataset("colour", ResidentImages(pixels), labels, list("abcd"), np.arange(N, dtype=np.uint64))


@pytest.fixture
def fake(monkeypatch):
    """Fake tensors on a GPU that is not there; only generators of random numbers have no fake."""
    monkeypatch.setattr(epochs, "repeatable", lambda device, seed: nullcontext())
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        yield mode


class Watched:
    """A model that counts its steps, and does what it is told to at each.

    It does not go down: torch's own backward pass and optimizer are all that has no fake.
    """

    def __init__(self, learner, at_each=lambda losses: None):
        self.logits, self.device = learner.logits, learner.device
        self.n_steps, self.at_each = 0, at_each

    def set_rate(self, rate):
        pass

    def step(self, losses):
        self.at_each(losses.mean())
        self.n_steps += 1


def learner_of(colour):
    with GPU:  # fake parameters can be made there, and not moved
        module = finder.make("models", "resnet8", {"width": 4}).build(3, 4)
    prepared = learners.Normalization([0.5] * 3, [0.2] * 3)
    return learners.Learner(module, "resnet8", {}, 3, colour.classes, (32, 32), prepared, GPU, "bf16")


def train(colour, trace=False, **more):
    """One epoch; the steps that were done, and what was recorded of them."""
    learner = learner_of(colour)
    data, model = Batches(colour, learner), Watched(learner, **more)
    book = Book(N, GPU, trace=trace, guard="training")
    weights = torch.ones(N, device=GPU)
    with Recorder() as recorder, pytest.raises(DataDependentOutputException):
        epochs.train_epoch(  # it ends where the sum of the losses is read, after the last step
            model,
            data.augmented(np.arange(N), BATCH, CropFlip(), 0, 0),
            n_batches=N // BATCH,
            epoch=0,
            hyperparameters=SGD,
            schedule=schedule("cosine"),
            book=book,
            seed=0,
            weights=weights,
            progress=LOGGED,
        )
    return model.n_steps, recorder


@pytest.mark.parametrize("trace", [False, True])
def test_no_step_waits_for_the_device(colour, fake, trace):
    n_steps, recorder = train(colour, trace)
    assert n_steps == N // BATCH
    assert not recorder.to_host


def test_a_step_that_waits_would_be_seen(colour, fake):
    n_steps, _ = train(colour, at_each=lambda loss: loss.item())
    assert n_steps == 0
    _, recorder = train(colour, at_each=lambda loss: loss.cpu())
    assert sum(recorder.to_host.values()) == N // BATCH


def test_an_evaluation_reads_its_guesses_once(colour, fake, monkeypatch):
    monkeypatch.setattr("curate.training.evaluate.EVALUATION_BATCH", BATCH)
    learner = learner_of(colour)
    data = Batches(colour, learner)
    with Recorder() as recorder, pytest.raises((DataDependentOutputException, RuntimeError)):
        evaluate(learner, data, 4)
    assert recorder.operations["aten.argmax.default"] == N // BATCH
    assert sum(recorder.to_host.values()) <= 1


def test_crop_and_flip_cost_a_step_next_to_nothing(colour, fake):
    def operations(batches):
        with Recorder() as recorder:
            n_batches = sum(1 for _ in batches)
        return n_batches, recorder.operations

    data, order = Batches(colour, learner_of(colour)), np.arange(N)
    list(data.plain(order, N))  # mean and deviation move to the device once
    _, of_two = operations(data.augmented(order, N // 2, CropFlip(), 0, 0))
    n_batches, of_many = operations(data.augmented(order, BATCH, CropFlip(), 0, 0))
    assert n_batches == N // BATCH
    del of_two["prim.device.default"], of_many["prim.device.default"]  # not an operation: a question
    assert of_many == of_two  # all are prepared together, and cutting costs no operation of a device
    assert of_many["aten.gather.default"] == 1


def test_batches_prepared_together_are_those_prepared_alone(colour, monkeypatch):
    learner = learners.build("resnet8", {"width": 4}, colour, 0, torch.device("cpu"))
    data, order = Batches(colour, learner), np.random.default_rng(1).permutation(N)

    def cut():
        return [
            *data.augmented(order, 20, CropFlip(), 3, 1),
            *data.plain(order, 20),
        ]

    alone = cut()
    monkeypatch.setattr(data, "device", GPU)  # where many are prepared at a time
    monkeypatch.setattr(batching, "_AT_A_TIME", 3 * 20 * 3 * 32 * 32 * 4)
    assert data._at_a_time(20) == 60
    monkeypatch.setattr(data, "_at_a_time", lambda size: 60)
    monkeypatch.setattr(data, "device", torch.device("cpu"))
    together = cut()
    assert [len(batch.rows) for batch in together] == [len(batch.rows) for batch in alone]
    for one, other in zip(alone, together, strict=True):
        assert all(torch.equal(part, its) for part, its in zip(one, other, strict=True))

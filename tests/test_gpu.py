"""On a CUDA device: the same bits twice, close to the CPU, k-means as good. Run with `pytest -m gpu`."""

import io

import numpy as np
import pytest
import torch

import curate
from curate import finder
from curate.networks import learner as learners
from curate.networks.model import Hyperparameters
from curate.selection.session import Asked, plan_session
from curate.training.augmentations.crop_flip import CropFlip
from curate.training.batches import Batches
from curate.training.ensemble import fit_all, pays_side_by_side
from curate.training.evaluate import evaluate
from curate.training.loop import fit
from curate.vectors.embedder import Work

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
SHORT = Hyperparameters(
    n_epochs=6, batch_size=64, optimizer="adam", lr=2e-3, weight_decay=0.0, augment="crop-flip"
)


@pytest.fixture(scope="module")
def digits():
    return curate.open_dataset("digits")


def run(data, device, model="basic-cnn"):
    learner = learners.build(model, {}, data, 0, torch.device(device))
    batches = Batches(data, learner)
    for _ in fit(
        learner,
        finder.make("policies", "full"),
        batches,
        available=np.arange(len(data)),
        hyperparameters=SHORT,
        seed=0,
    ):
        pass
    return learner, evaluate(learner, batches, 10)


@pytest.mark.parametrize("model", ["basic-cnn", "lenet5", "resnet18"])
def test_training_repeats_bit_for_bit(digits, model):
    one, other = (learners.weights_sha256(run(digits, "cuda", model)[0]) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    ("policy", "observe"), [("ucb", "evaluation"), ("ema", "training"), ("random", None)]
)
def test_a_dynamic_session_repeats_and_resumes_bit_for_bit(digits, policy, observe):
    plug_in = finder.make("policies", policy)
    session, _ = plan_session(plug_in, policy, len(digits), 6, Asked(keep=0.3, period=2, observe=observe))

    def session_run(resume=None):
        learner = learners.build("lenet5", {}, digits, 0, torch.device("cuda"))
        batches, states = Batches(digits, learner), []
        everything = np.arange(len(digits))
        for epoch in fit(
            learner,
            plug_in,
            batches,
            available=everything,
            hyperparameters=SHORT,
            seed=0,
            session=session,
            resume=resume,
        ):
            buffer = io.BytesIO()
            torch.save(epoch.state(), buffer)
            states.append(buffer)
        return learners.weights_sha256(learner), states

    once, states = session_run()
    states[2].seek(0)
    resumed, _ = session_run(torch.load(states[2], weights_only=True, map_location="cpu"))
    assert once == session_run()[0] == resumed


@pytest.mark.parametrize("side_by_side", [True, False])
def test_models_in_step_repeat_bit_for_bit_and_are_traced(digits, side_by_side):
    def train():
        models = [learners.build("lenet5", {}, digits, seed, torch.device("cuda")) for seed in range(3)]
        data = Batches(digits, models[0])
        rounds = list(
            fit_all(
                models,
                data,
                hyperparameters=SHORT,
                seeds=range(3),
                n_epochs=2,
                side_by_side=side_by_side,
                trace=True,
            )
        )
        return [learners.weights_sha256(model) for model in models], rounds[-1]

    (one, last), (other, _) = train(), train()
    assert one == other
    assert len(set(one)) == 3
    assert all(np.isfinite(seen.margin).all() for seen in last.seen)


def test_models_side_by_side_are_as_good_as_one_by_one(digits):
    result = {}
    for side_by_side in (True, False):
        models = [learners.build("lenet5", {}, digits, seed, torch.device("cuda")) for seed in range(3)]
        data = Batches(digits, models[0])
        assert pays_side_by_side(models[0])
        list(
            fit_all(
                models,
                data,
                hyperparameters=SHORT,
                seeds=range(3),
                n_epochs=6,
                side_by_side=side_by_side,
                trace=False,
            )
        )
        result[side_by_side] = np.mean([evaluate(model, data, 10).accuracy for model in models])
    assert abs(result[True] - result[False]) < 0.03


@pytest.mark.parametrize("method", ["el2n", "grand", "entropy"])
def test_scores_on_the_gpu_are_those_on_the_cpu(digits, method):
    result = {}
    for device in ("cpu", "cuda"):
        learner = learners.build("basic-cnn", {}, digits, 0, torch.device(device))
        learner.module.eval()
        _, images, labels = next(Batches(digits, learner).plain(np.arange(200), 200))
        with torch.no_grad():
            result[device] = finder.make("scorers", method).of_batch(learner, images, labels).cpu()
    torch.testing.assert_close(result["cuda"], result["cpu"], rtol=0.05, atol=0.02)


def test_training_is_as_good_as_on_the_cpu(digits):
    assert abs(run(digits, "cuda")[1].accuracy - run(digits, "cpu")[1].accuracy) < 0.03


def test_augmentation_is_the_same_on_both_devices(digits):
    images = {}
    for device in ("cpu", "cuda"):
        batches = Batches(digits, learners.build("basic-cnn", {}, digits, 0, torch.device(device)))
        pieces = [batch.images.cpu() for batch in batches.augmented(np.arange(200), 64, CropFlip(), 3, 1)]
        images[device] = torch.cat(pieces)
    torch.testing.assert_close(images["cpu"], images["cuda"].contiguous(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["autoencoder"])
def test_embedders_run_on_the_gpu(digits, name):
    vectors = finder.make("embedders", name, {"n_steps": 50})(digits, 8, Work(device="cuda"))
    assert np.isfinite(np.concatenate(list(vectors.chunks(0, len(digits))))).all()


def test_kmeans_is_as_good_as_on_the_cpu(monkeypatch):
    faiss = pytest.importorskip("faiss")
    if faiss.get_num_gpus() == 0:
        pytest.skip("FAISS sees no GPU")
    from curate.vectors.kmeans import kmeans

    vectors = np.random.default_rng(0).normal(size=(20_000, 32)).astype(np.float32)
    on_gpu = kmeans(lambda a, b: vectors[a:b], 20_000, 32, 50)
    assert "GPU" in on_gpu.device
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 0)
    on_cpu = kmeans(lambda a, b: vectors[a:b], 20_000, 32, 50)
    assert on_gpu.objective == pytest.approx(on_cpu.objective, rel=0.01)

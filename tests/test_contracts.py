"""Laws that every plug-in of a kind obeys. The tests find the plug-ins by themselves."""

import keyword
import sys

import numpy as np
import pytest
import torch

import curate
from curate import finder, testing
from curate.data.dataset import Dataset
from curate.data.images import ResidentImages
from curate.rng import rng
from curate.training.schedule import schedule
from curate.vectors.embedder import Work

EVERY = [(kind, name) for kind in finder.KINDS for name in finder.names(kind)]


@pytest.fixture
def policy(name, digits_round, digits_session):
    """The policy `name`, given whatever it builds on."""
    sources = {"recorded": digits_round.manifest, "always-random": digits_session}
    options = {"scores": digits_round.table, "manifest": sources.get(name, "")}
    known = finder.option_names(finder.load("policies", name))
    return finder.make("policies", name, {key: str(value) for key, value in options.items() if key in known})


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_plug_in_is_a_documented_frozen_dataclass_that_knows_its_options(kind, name):
    testing.check_method(finder.load(kind, name))


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_plug_in_is_called_as_its_file_and_begins_with_its_name_and_one_sentence(kind, name):
    method = finder.load(kind, name)
    if not keyword.iskeyword(name.capitalize()):  # None
        assert method.__name__.lower() == name.replace("-", "")
    first = sys.modules[method.__module__].__doc__.partition("\n")[0]
    assert first.startswith(f"{name.replace('-', '_')}: ")
    assert first.endswith(".") or ". " in first


@pytest.mark.parametrize("name", finder.names("strategies"))
def test_strategies_keep_their_laws(name):
    testing.check_strategy(finder.make("strategies", name))


@pytest.mark.parametrize("name", finder.names("embedders"))
def test_embedders_give_one_finite_vector_per_sample_and_repeat(name, digits_round, tmp_path):
    digits = curate.open_dataset("digits").take(np.arange(150))
    options = {"n_steps": 8} if name == "autoencoder" else {}
    if name == "features":
        trained = curate.train(digits, hyperparameters={"n_epochs": 1}, test=digits, output=tmp_path / "run")
        options = {"weights": str(trained.manifest.path)}
    twice = []
    for _ in range(2):
        vectors = finder.make("embedders", name, options)(digits, None, Work(seed=4))
        twice.append(np.concatenate(list(vectors.chunks)))
        assert twice[-1].shape == (150, vectors.dim)
        assert twice[-1].dtype == np.float32
        assert np.isfinite(twice[-1]).all()
        assert twice[-1].std(axis=0).max() > 0
    assert (twice[0] == twice[1]).all()


@pytest.mark.parametrize("name", finder.names("models"))
def test_models_keep_their_laws_and_bring_what_can_train(name):
    testing.check_model(finder.make("models", name))
    brought = finder.load("models", name).hyperparameters
    assert brought.n_epochs >= 1
    assert schedule(brought.schedule)(0.0) >= 0
    assert schedule(brought.schedule)(0.01) > 0


@pytest.mark.parametrize("name", finder.names("policies"))
def test_policies_keep_their_laws(name, policy, digits_round):
    uids = curate.open_manifest(digits_round.manifest).samples["uid"]
    testing.check_policy(policy, uids, looks_at_all=name != "static-ucb")


def test_sources_accept_disjoint_references(tmp_path):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    np.savez(tmp_path / "x.npz", x=np.zeros((1, 2, 2), np.uint8))
    references = ["digits", "mnist", "cifar100", str(tmp_path / "photos"), str(tmp_path / "x.npz"), "nothing"]
    for reference in references:
        accepting = [n for n in finder.names("sources") if finder.make("sources", n).accepts(reference)]
        assert len(accepting) == (reference != "nothing"), (reference, accepting)


@pytest.mark.parametrize("name", finder.names("exports"))
def test_exports_keep_their_laws(name):
    testing.check_export(finder.make("exports", name))


@pytest.mark.parametrize("name", finder.names("schedules"))
def test_schedules_keep_their_laws(name):
    testing.check_schedule(finder.make("schedules", name))


@pytest.mark.parametrize("name", finder.names("augmentations"))
@pytest.mark.parametrize("side", [8, 32])
class TestAugmentations:
    def images(self, side):
        return torch.from_numpy(
            np.random.default_rng(0).integers(0, 256, (20, 3, side, side), dtype=np.uint8)
        )

    def drawn(self, name, side, seed):
        arrays = finder.make("augmentations", name).draw(20, (side, side), rng(seed, "augment", 0))
        assert all(len(array) == 20 for array in arrays.values())
        return {key: torch.from_numpy(array) for key, array in arrays.items()}

    def test_keeps_shape_and_type_and_repeats(self, name, side):
        augmentation, images = finder.make("augmentations", name), self.images(side)
        before = images.clone()
        changed = augmentation.apply(images, self.drawn(name, side, 1))
        assert changed.shape == images.shape
        assert changed.dtype == torch.uint8
        assert (changed == augmentation.apply(images, self.drawn(name, side, 1))).all()
        assert (images == before).all()

    def test_what_befalls_a_sample_does_not_depend_on_its_batch(self, name, side):
        augmentation, images, drawn = finder.make("augmentations", name), self.images(side), None
        drawn = self.drawn(name, side, 2)
        together = augmentation.apply(images, drawn)
        for row in (0, 7, 19):
            own = {key: value[row : row + 1] for key, value in drawn.items()}
            assert (augmentation.apply(images[row : row + 1], own)[0] == together[row]).all()


@pytest.fixture
def tiny() -> Dataset:
    chance = np.random.default_rng(0)
    images = chance.integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    uids = np.arange(40, dtype=np.uint64)
    return Dataset("tiny", ResidentImages(images), chance.integers(0, 3, 40), ["a", "b", "c"], uids)


@pytest.mark.parametrize("name", finder.names("models"))
@pytest.mark.slow
def test_every_model_trains_one_epoch(name, tiny, tmp_path):
    result = curate.train(tiny, name, hyperparameters={"n_epochs": 1}, test=tiny, output=tmp_path / "run")
    assert result.epochs[0].samples_seen == 40

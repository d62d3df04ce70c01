"""Laws that every plug-in of a kind obeys. The tests find the plug-ins by themselves."""

import dataclasses

import numpy as np
import pytest
import torch
from conftest import clusters_table

import curate
from curate import finder
from curate.dataset import Dataset
from curate.errors import CurateError
from curate.images import ResidentImages
from curate.manifest import Selected
from curate.network import Recipe
from curate.policy import View
from curate.rng import rng
from curate.training.schedules import schedule
from curate.vectors import Work

EVERY = [(kind, name) for kind in finder.KINDS for name in finder.names(kind)]


def made(kind: str, name: str, digits_round=None):
    options = {"manifest": str(digits_round.manifest)} if name == "recorded" else {}
    return finder.make(kind, name, options)


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_plug_in_is_a_documented_frozen_dataclass(kind, name):
    method = finder.load(kind, name)
    assert dataclasses.is_dataclass(method)
    assert method.__dataclass_params__.frozen
    assert method.__doc__
    assert __import__(method.__module__, fromlist=["x"]).__doc__


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_plug_in_refuses_an_option_it_does_not_have(kind, name):
    with pytest.raises(CurateError, match="has no option 'no_such_option'"):
        finder.make(kind, name, {"no_such_option": "1"})


@pytest.fixture
def table(tmp_path):
    chance = np.random.default_rng(5)
    n = 240
    return clusters_table(
        tmp_path / "hand.parquet",
        chance.integers(0, 9, n).tolist(),
        np.round(chance.random(n), 1).tolist(),
        uid=chance.integers(0, 200, n).tolist(),
        label=chance.integers(0, 4, n).tolist(),
    )


@pytest.mark.parametrize("name", finder.names("strategies"))
class TestStrategies:
    def test_ranks_every_sample_once(self, name, table):
        order = finder.make("strategies", name)(table, rng(0, "s"))
        assert sorted(order.tolist()) == list(range(len(table)))

    def test_repeats_with_the_same_stream(self, name, table):
        strategy = finder.make("strategies", name)
        assert (strategy(table, rng(3, "s")) == strategy(table, rng(3, "s"))).all()

    def test_leaves_the_table_as_it_was(self, name, table):
        before = {key: column.copy() for key, column in table.columns.items()}
        finder.make("strategies", name)(table, rng(0, "s"))
        assert all((before[key] == column).all() for key, column in table.columns.items())

    def test_does_not_depend_on_the_number_of_a_cluster(self, name, table, tmp_path):
        renumbered = clusters_table(
            tmp_path / "other.parquet",
            (8 - table["cluster"]).tolist(),
            table["distance"].tolist(),
            uid=table["uid"].tolist(),
            label=table["label"].tolist(),
        )
        strategy = finder.make("strategies", name)
        assert (strategy(table, rng(1, "s")) == strategy(renumbered, rng(1, "s"))).all()


@pytest.mark.parametrize("name", finder.names("embedders"))
def test_embedders_give_one_finite_vector_per_sample_and_repeat(name, digits_round, tmp_path):
    digits = curate.open_dataset("digits").take(np.arange(150))
    options = {"n_steps": 8} if name == "autoencoder" else {}
    if name == "features":
        trained = curate.train(digits, recipe={"n_epochs": 1}, test=digits, output=tmp_path / "run")
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
class TestModels:
    @pytest.mark.parametrize(("channels", "side"), [(1, 8), (3, 32)])
    def test_maps_images_to_logits_at_its_input_size(self, name, channels, side):
        model = finder.make("models", name)
        height, width = model.input_size(side, side)
        network = model.build(channels, 7).eval()
        with torch.inference_mode():
            assert network(torch.zeros(2, channels, height, width)).shape == (2, 7)

    def test_brings_a_recipe_that_can_train(self, name):
        recipe = finder.load("models", name).recipe
        assert isinstance(recipe, Recipe)
        assert recipe.n_epochs >= 1
        assert schedule(recipe.schedule)(0.0) > 0

    def test_gives_every_parameter_a_gradient(self, name):
        model = finder.make("models", name)
        height, width = model.input_size(32, 32)
        network = model.build(1, 3)
        network(torch.rand(4, 1, height, width)).square().sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("name", finder.names("policies"))
def test_policies_select_sorted_available_samples_until_a_later_epoch(name, digits_round):
    available = np.arange(curate.open_manifest(digits_round.manifest).n)
    plan = made("policies", name, digits_round).plan(View(0, 4, available, rng(0, "policy", 0)))
    assert isinstance(plan.selected, Selected)
    assert plan.n_epochs >= 1
    assert (np.diff(plan.selected.indices) > 0).all()
    assert np.isin(plan.selected.indices, available).all()


def test_sources_accept_disjoint_references(tmp_path):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    np.savez(tmp_path / "x.npz", x=np.zeros((1, 2, 2), np.uint8))
    references = ["digits", "mnist", "cifar100", str(tmp_path / "photos"), str(tmp_path / "x.npz"), "nothing"]
    for reference in references:
        accepting = [n for n in finder.names("sources") if finder.make("sources", n).accepts(reference)]
        assert len(accepting) == (reference != "nothing"), (reference, accepting)


@pytest.fixture
def tiny() -> Dataset:
    chance = np.random.default_rng(0)
    images = chance.integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    uids = np.arange(40, dtype=np.uint64)
    return Dataset("tiny", ResidentImages(images), chance.integers(0, 3, 40), ["a", "b", "c"], uids)


@pytest.mark.parametrize("name", finder.names("models"))
@pytest.mark.slow
def test_every_model_trains_one_epoch(name, tiny, tmp_path):
    found = curate.train(tiny, name, recipe={"n_epochs": 1}, test=tiny, output=tmp_path / "run")
    assert found.epochs[0].samples_seen == 40

"""Laws that every plug-in of a kind obeys. The tests find the plug-ins by themselves."""

import dataclasses
import keyword
import sys

import numpy as np
import pytest
import torch
from helpers.tables import clusters_table

import curate
from curate import finder
from curate.data.dataset import Dataset
from curate.data.images import ResidentImages
from curate.errors import CurateError
from curate.manifests.export import Exportable
from curate.manifests.manifest import Selected
from curate.networks.model import Hyperparameters
from curate.rng import rng
from curate.selection.policy import View
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
def test_every_plug_in_is_a_documented_frozen_dataclass(kind, name):
    method = finder.load(kind, name)
    assert dataclasses.is_dataclass(method)
    assert method.__dataclass_params__.frozen
    assert not method.__doc__.startswith(f"{method.__name__}(")  # what dataclasses write where there is none


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_plug_in_is_called_as_its_file_and_begins_with_its_name_and_one_sentence(kind, name):
    method = finder.load(kind, name)
    if not keyword.iskeyword(name.capitalize()):  # None
        assert method.__name__.lower() == name.replace("-", "")
    first = sys.modules[method.__module__].__doc__.partition("\n")[0]
    assert first.startswith(f"{name.replace('-', '_')}: ")
    assert first.endswith(".") or ". " in first


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
class TestModels:
    @pytest.mark.parametrize(("channels", "side"), [(1, 8), (3, 32)])
    def test_maps_images_to_logits_at_its_input_size(self, name, channels, side):
        model = finder.make("models", name)
        height, width = model.input_size(side, side)
        network = model.build(channels, 7).eval()
        with torch.inference_mode():
            assert network(torch.zeros(2, channels, height, width)).shape == (2, 7)

    def test_brings_hyperparameters_that_can_train(self, name):
        brought = finder.load("models", name).hyperparameters
        assert isinstance(brought, Hyperparameters)
        assert brought.n_epochs >= 1
        assert schedule(brought.schedule)(0.0) >= 0
        assert schedule(brought.schedule)(0.01) > 0

    def test_gives_every_parameter_a_gradient(self, name):
        model = finder.make("models", name)
        height, width = model.input_size(32, 32)
        network = model.build(1, 3)
        network(torch.rand(4, 1, height, width)).square().sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("name", finder.names("policies"))
class TestPolicies:
    """Every policy, asked at four checkpoints of a run on digits, with losses drawn by chance."""

    N_EPOCHS = 4

    def views(self, policy, digits_round, *, losses=None, available=None):
        uids = curate.open_manifest(digits_round.manifest).samples["uid"]
        available = np.arange(len(uids)) if available is None else available
        chance = np.random.default_rng(1)
        memory, seen = {}, 0
        for epoch in range(self.N_EPOCHS):
            values = chance.exponential(size=len(uids)).astype(np.float32)
            asked = []
            view = View(
                epoch=epoch,
                n_epochs=self.N_EPOCHS,
                available=available,
                uids=uids,
                k=400,
                rng=rng(0, "policy", epoch),
                losses=losses or (lambda asked=asked, values=values: asked.append(1) or values),
                memory=memory,
                samples_seen=seen,
                n_presentations=1600,
            )
            plan = policy.plan(view)
            memory, seen = plan.memory, seen + len(plan.selected.indices)
            yield view, plan, asked

    def test_selects_sorted_available_samples(self, name, policy, digits_round):
        n = curate.open_manifest(digits_round.manifest).n
        available = np.arange(n) if name == "recorded" else np.arange(5, n, 2)
        if name == "early-stop":
            available = np.arange(n)
        for _, plan, _ in self.views(policy, digits_round, available=available):
            assert isinstance(plan.selected, Selected)
            assert (np.diff(plan.selected.indices) > 0).all()
            assert np.isin(plan.selected.indices, available).all()

    def test_keeps_exactly_k_where_it_keeps_k(self, policy, digits_round):
        sizes = [len(plan.selected.indices) for _, plan, _ in self.views(policy, digits_round)]
        if policy.sizing == "keep":
            assert sizes == [400] * self.N_EPOCHS
        if policy.sizing == "early":
            assert sum(sizes[:2]) == 1600

    def test_looks_at_losses_only_where_it_says_so(self, policy, digits_round):
        asked = [bool(asked) for _, _, asked in self.views(policy, digits_round)]
        assert asked == [policy.observes != "nothing"] * self.N_EPOCHS

    def test_decides_alike_from_remembered_arrays_alone(self, policy, digits_round):
        """A policy given its memory as it comes back from disk decides the same."""
        other = dataclasses.replace(policy)
        for view, plan, _ in self.views(policy, digits_round):
            copied = {key: torch.from_numpy(np.array(v)).numpy() for key, v in view.memory.items()}
            again = other.plan(dataclasses.replace(view, memory=copied, rng=rng(0, "policy", view.epoch)))
            assert (again.selected.indices == plan.selected.indices).all()

    def test_looks_at_what_was_never_observed_first(self, name, policy, digits_round):
        if policy.observes == "nothing" or name == "static-ucb":
            return
        n = curate.open_manifest(digits_round.manifest).n
        losses = np.ones(n, np.float32)
        losses[::4] = np.nan
        _, plan, _ = next(iter(self.views(policy, digits_round, losses=lambda: losses)))
        assert np.isin(np.arange(0, n, 4), plan.selected.indices).mean() > 0.8


def test_sources_accept_disjoint_references(tmp_path):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    np.savez(tmp_path / "x.npz", x=np.zeros((1, 2, 2), np.uint8))
    references = ["digits", "mnist", "cifar100", str(tmp_path / "photos"), str(tmp_path / "x.npz"), "nothing"]
    for reference in references:
        accepting = [n for n in finder.names("sources") if finder.make("sources", n).accepts(reference)]
        assert len(accepting) == (reference != "nothing"), (reference, accepting)


@pytest.mark.parametrize("name", finder.names("exports"))
def test_exports_write_a_file_of_their_own_and_the_same_again(name, tmp_path):
    form = finder.make("exports", name)
    assert form.ending
    assert form.takes in ("", "keys", "data")
    selected = Exportable(
        rows=np.array([1, 4]),
        uids=np.array([2**63 + 5, 7], np.uint64),
        labels=["cat", "dog"],
        weights=np.array([1.0, 2.5], np.float32),
        keys=lambda: ["one", "four"],
        files=lambda: ["cat/1.png", "dog/4.png"],
    )
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        form.write(tmp_path / folder / "x.tmp", selected)
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["x.tmp"]
    content = (tmp_path / "a" / "x.tmp").read_bytes()
    assert content == (tmp_path / "b" / "x.tmp").read_bytes()
    assert content


@pytest.mark.parametrize("name", finder.names("schedules"))
def test_schedules_stay_between_zero_and_the_full_rate_and_reach_it(name):
    rates = [finder.make("schedules", name)(fraction) for fraction in np.linspace(0, 1, 201)]
    assert min(rates) >= 0
    assert max(rates) == pytest.approx(1)


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

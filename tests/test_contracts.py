"""Laws that every plug-in of a kind obeys. The tests find the plug-ins by themselves."""

import keyword
import sys

import numpy as np
import pytest
from helpers.parquet_shelf import parquet
from helpers.pictures import encoded, noise, npz, tar, write

import curate
from curate import finder, testing
from curate.data.dataset import Dataset
from curate.data.images import ResidentImages
from curate.training.schedule import schedule

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
def test_embedders_keep_their_laws(name, tmp_path):
    options = {"n_steps": 8} if name == "autoencoder" else {}
    if name == "features":
        digits = curate.open_dataset("digits").take(np.arange(150))
        trained = curate.train(digits, hyperparameters={"n_epochs": 1}, test=digits, output=tmp_path / "run")
        options = {"weights": str(trained.manifest.path)}
    testing.check_embedder(finder.make("embedders", name, options))


@pytest.mark.parametrize("name", finder.names("scorers"))
def test_scorers_keep_their_laws(name):
    testing.check_scorer(finder.make("scorers", name))


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
    (tmp_path / "shards").mkdir()
    made = [tmp_path / name for name in ("photos", "x.npz", "shards/x.tar", "shards")]
    made[2].write_bytes(b"")
    references = ["digits", "mnist", "cifar100", *map(str, made), "nothing"]
    for reference in references:
        accepting = [n for n in finder.names("sources") if finder.make("sources", n).accepts(reference)]
        assert len(accepting) == (reference != "nothing"), (reference, accepting)


def reference_for(name, folder):
    """A dataset that a source reads, made in a folder."""
    pixels = noise(6, 4, 5)
    if name == "npz":
        return npz(folder / "x.npz", pixels, [0, 1, 0, 1, 0, 1])
    if name == "parquet":
        return parquet(folder / "x.parquet", {"image": [encoded(one) for one in pixels], "label": [0, 1] * 3})
    if name == "folder":
        for row, one in enumerate(pixels):
            write(folder / "photos" / ("cat", "dog")[row % 2] / f"{row}.png", encoded(one))
        return str(folder / "photos")
    if name == "pack":
        made = curate.Dataset.from_arrays(np.repeat(pixels[..., None], 3, axis=3), np.arange(6) % 2)
        return curate.pack(made, output=folder / "x.safetensors").reference
    if name == "tar":
        contents = {f"{row}.png": encoded(one) for row, one in enumerate(pixels)}
        return str(
            tar(folder / "x.tar", {**contents, **{f"{row}.cls": b"%d" % (row % 2) for row in range(6)}})
        )
    return {"digits": "digits", "torchvision": "fake-data"}[name]


@pytest.mark.parametrize("name", [name for name in finder.names("sources") if name != "hf"])  # it fetches
def test_sources_keep_their_laws(name, tmp_path, monkeypatch):
    if name == "torchvision":
        from torchvision import datasets

        class FewFakes(datasets.FakeData):
            def __init__(self) -> None:
                super().__init__(size=6, image_size=(3, 8, 8))

        monkeypatch.setattr(datasets, "FakeData", FewFakes)
    testing.check_source(finder.make("sources", name), reference_for(name, tmp_path))


@pytest.mark.parametrize("name", finder.names("exports"))
def test_exports_keep_their_laws(name):
    testing.check_export(finder.make("exports", name))


@pytest.mark.parametrize("name", finder.names("schedules"))
def test_schedules_keep_their_laws(name):
    testing.check_schedule(finder.make("schedules", name))


@pytest.mark.parametrize("name", finder.names("augmentations"))
def test_augmentations_keep_their_laws(name):
    testing.check_augmentation(finder.make("augmentations", name))


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

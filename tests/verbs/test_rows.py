"""Rows go along: from the dataset through embedding, tables, traces and manifests to what is exported."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers.trained import QUICK
from safetensors.numpy import load_file, save_file
from torch.utils.data import DataLoader, Dataset, Subset

import curate
from curate.artifacts.header import canonical
from curate.artifacts.seal import UNSEALED, seal_file
from curate.artifacts.tables import open_table, write_table
from curate.errors import CurateError
from curate.manifests.card import use_rows
from curate.manifests.manifest import open_manifest, write_manifest
from curate.training.batches import Batches
from curate.vectors.opening import open_embedding

pytest_plugins = ["helpers.scored_digits"]


@pytest.fixture(scope="module")
def digits():
    return curate.open_dataset("digits")


@pytest.fixture(scope="module")
def everywhere():
    """All of digits, as other libraries have them: the label of row i, and its pixels."""
    from sklearn.datasets import load_digits

    original = load_digits()
    return original.target, curate.open_dataset("digits", curate.Options("all")).images


def test_from_an_embedding_to_what_is_exported(digits, digits_round, tmp_path):
    embedding = open_embedding(digits_round.embedding)
    table, manifest = open_table(digits_round.table), open_manifest(digits_round.manifest)
    for rows in (embedding.rows, table["row"], manifest.samples["row"], manifest.rows):
        assert (rows == digits.rows).all()
    for artifact in (embedding, table, manifest):
        assert artifact.header.dataset.n_rows == 1797
    indices = manifest.selected(0).indices
    exported = curate.export(digits_round.manifest, "npy", output=tmp_path / "rows.npy").path
    assert np.load(exported).tolist() == digits.rows[indices].tolist() != indices.tolist()


def test_from_scores_of_an_embedding(digits, digits_round, tmp_path):
    duplicates = curate.score(digits_round.embedding, "duplicate", output=tmp_path / "d")
    prototypes = curate.score(digits_round.table, "prototypicality", output=tmp_path / "p")
    assert (duplicates["row"] == digits.rows).all()
    assert (prototypes["row"] == digits.rows).all()
    assert (curate.select(duplicates, "top", keep=9, output=tmp_path / "m").rows == digits.rows).all()


def test_from_scores_by_training_and_from_their_trace(scored, some_digits, tmp_path):
    table, trace = scored
    again = curate.score(some_digits, "aum", trace=trace, output=tmp_path / "again")
    for each in (table, again):
        assert (each["row"] == some_digits.rows).all()
        manifest = curate.select(each, "top", keep=20, output=tmp_path / "m", force=True)
        assert (manifest.rows == some_digits.rows).all()
        assert manifest.n_rows == 1797


def test_from_a_run_and_from_its_trace(digits, tmp_path):
    made = curate.train("digits", hyperparameters=QUICK, trace=True, output=tmp_path / "run").manifest
    assert (made.rows == digits.rows).all()
    assert made.header.dataset.n_rows == 1797
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curate.verbs.score_from_trace.open_recorded", None)
        table = curate.score(trace=made.path, method="aum", output=tmp_path / "beside")
    assert (table["row"] == digits.rows).all()
    (made.path / "trace.parquet").rename(tmp_path / "trace.parquet")
    table = curate.score("digits", "aum", trace=tmp_path / "trace.parquet", output=tmp_path / "alone")
    assert (table["row"] == digits.rows).all()


def test_from_manifests_that_are_combined(digits, digits_round, tmp_path):
    other = curate.select(digits_round.table, "closest", keep=0.2, output=tmp_path / "closest")
    comparison = curate.compare(digits_round.manifest, other.path, combine="union", output=tmp_path / "u")
    kept = curate.load_manifest(comparison.combined.path)
    assert (kept.manifest.rows == digits.rows).all()
    assert kept.n_rows == 1797
    both = [open_manifest(path).selected(0).indices for path in (digits_round.manifest, other.path)]
    assert kept.rows().tolist() == np.sort(digits.rows[np.union1d(*both)]).tolist()


def test_the_lines_without_curate_find_what_curate_trains_on(digits, everywhere, digits_round, tmp_path):
    """By the pixels of the batches that training a manifest presents."""
    torch = pytest.importorskip("torch")
    _, pixels = everywhere
    names = {"place": str(digits_round.manifest), "dataset": range(1797), "torch": torch}
    lines = ["import polars", *use_rows(1), "subset = torch.utils.data.Subset(dataset, rows)"]
    exec("\n".join(lines), names)
    trained = set()
    augmented = Batches.augmented

    def spy(self, order, *rest):
        trained.update(digits.images.read(np.array([index])).tobytes() for index in order.tolist())
        return augmented(self, order, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batches, "augmented", spy)
        curate.train(
            "digits",
            policy="recorded",
            from_=digits_round.manifest,
            hyperparameters=QUICK,
            output=tmp_path / "run",
        )
    by_rows = {pixels.read(np.array([row])).tobytes() for row in names["subset"]}
    assert by_rows == trained
    assert names["rows"] == curate.load_manifest(digits_round.manifest).rows().tolist()


def test_the_lines_for_a_dynamic_manifest_are_of_its_first_epoch(digits_session):
    names = {"place": str(digits_session)}
    exec("\n".join(["import polars", *use_rows(6)]), names)
    assert names["rows"] == curate.load_manifest(digits_session).rows(0).tolist()


def test_a_loader_with_the_sampler_presents_what_curate_presents(everywhere, digits, tmp_path):
    """Sample by sample, epoch by epoch, in order, by pixels."""
    labels, pixels = everywhere

    class Whole(Dataset):
        def __len__(self):
            return len(labels)

        def __getitem__(self, row):
            return pixels.read(np.array([row]))[0], labels[row]

    presented = []
    augmented = Batches.augmented

    def spy(self, order, *rest):
        presented.append([(digits.images.read(np.array([i]))[0], int(digits.labels[i])) for i in order])
        return augmented(self, order, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batches, "augmented", spy)
        made = curate.train(
            "digits", policy="ucb", keep=0.05, period=1, seed=3, hyperparameters={"n_epochs": 3},
            options={"width": 2}, output=tmp_path / "run",
        ).manifest  # fmt: skip
    kept = curate.load_manifest(made.path)
    sampler = kept.sampler(seed=3)
    for epoch, expected in enumerate(presented):
        sampler.set_epoch(epoch)
        seen = [(image.numpy()[0], int(label)) for image, label in DataLoader(Whole(), sampler=sampler)]
        assert len(seen) == len(expected) == 72
        for (image, label), (own, own_label) in zip(seen, expected, strict=True):
            assert np.array_equal(image, own)
            assert label == own_label
        assert sorted(sampler) == list(Subset(range(1797), kept.rows(epoch)))


class TestArtifactsFromBeforeRows:
    """Without the column, and without `n_rows` in the header."""

    @pytest.fixture
    def old_embedding(self, digits_round, tmp_path):
        embedding = open_embedding(digits_round.embedding)
        tensors = load_file(digits_round.embedding)
        del tensors["row"]
        header = replace(without(embedding.header), sha256=UNSEALED)
        path = tmp_path / "old.safetensors"
        save_file(tensors, path, metadata={"curate": canonical(header.to_json()).decode()})
        seal_file(path)
        return path

    def test_an_embedding_opens_and_what_is_made_of_it_has_no_rows(self, old_embedding, digits, tmp_path):
        opened = open_embedding(old_embedding)
        assert opened.rows is None
        assert (opened.uids == digits.uids).all()
        table = curate.cluster(old_embedding, 5, output=tmp_path / "c.parquet")
        assert "row" not in table.columns
        assert "row" not in curate.score(old_embedding, "duplicate", output=tmp_path / "d").columns
        manifest = curate.select(table, "furthest", keep=0.1, output=tmp_path / "m")
        assert "row" not in manifest.samples
        with pytest.raises(CurateError, match="was made before rows were written down"):
            curate.load_manifest(manifest.path).rows()

    def test_a_table_opens_and_is_selected_from(self, digits_round, tmp_path):
        table = open_table(digits_round.table)
        columns = {name: column for name, column in table.columns.items() if name != "row"}
        write_table(tmp_path / "old.parquet", without(table.header), columns)
        manifest = curate.select(tmp_path / "old.parquet", "furthest", keep=0.3, output=tmp_path / "m")
        now = open_manifest(digits_round.manifest)
        assert (manifest.selected(0).indices == now.selected(0).indices).all()
        assert "row" not in manifest.samples
        with pytest.raises(CurateError, match="was made before rows were written down"):
            _ = manifest.rows

    def test_a_manifest_replays_and_is_inspected_and_combined_as_before(self, digits_round, tmp_path, cli):
        now = open_manifest(digits_round.manifest)
        samples = {name: column for name, column in now.samples.items() if name not in ("row", "n_selected")}
        old = write_manifest(tmp_path / "old", without(now.header), [now.selected(0)], samples)
        again = curate.replay(old.path, "digits", trials=1, against=[], hyperparameters=QUICK)
        first = curate.replay(now.path, "digits", trials=1, against=[], hyperparameters=QUICK)
        assert again.runs[0].trials[0].weights_sha256 == first.runs[0].trials[0].weights_sha256
        assert cli("inspect", old.path).code == 0
        both = curate.compare(old.path, now.path, combine="union", output=tmp_path / "u").combined
        assert "row" not in both.samples
        result = cli("export", old.path, "--to", "npy", "-o", tmp_path / "rows.npy")
        assert result.code == 2
        assert "make it again with this version" in result.err

    def test_what_a_header_did_not_know_is_not_in_it(self, digits_round):
        header = json.loads((digits_round.manifest / "manifest.json").read_text())
        assert header["dataset"]["n_rows"] == 1797
        assert "n_rows" not in without(open_manifest(digits_round.manifest).header).to_json()["dataset"]


def without(header):
    """A header as it was before rows were counted."""
    return replace(header, dataset=replace(header.dataset, n_rows=None), files={}, sha256="")

"""inspect: every kind of artifact in plain words."""

import json
import re
import shutil

import numpy as np
import pytest

import curate


def test_inspect_shows_a_trace(traced_run, cli):
    result = cli("inspect", traced_run.path / "trace.parquet")
    assert result.code == 0
    assert "4" in result.out
    assert "right in training" in result.out
    assert json.loads(cli("inspect", traced_run.path / "trace.parquet", "--json").out)["title"].startswith(
        "trace "
    )


def test_inspect_reads_every_kind(cli, here, digits_round, tmp_path):
    facts = {
        "digits": [
            "1,443 (train split)",
            "8 x 8 pixels, grey",
            "samples per class",
            "copies of an earlier one",
        ],
        digits_round.embedding: ["1,443 of 16 numbers", "explained variance", "first 10"],
        digits_round.table: [
            "12 (0 empty",
            "objective",
            "cluster sizes",
            "distance (Euclidean), high is hard",
        ],
        digits_round.manifest: [
            "433 of 1,443 samples (30.0%)",
            "kept per class",
            "kept per cluster",
            "ranked",
        ],
    }
    for target, words in facts.items():
        result = cli("inspect", target)
        assert result.code == 0
        for word in words:
            assert word in result.out, (target, word)


def test_inspect_says_what_a_copy_of_a_session_is_without(cli, here, digits_session):
    shutil.copytree(digits_session, here / "run")
    assert "not here" not in cli("inspect", "run").out
    (here / "run" / "model.safetensors").unlink()
    facts = dict(json.loads(cli("inspect", "run", "--json").out)["facts"])
    assert facts["not here"] == "model.safetensors: a copy can be without"


def test_inspect_counts_duplicates(cli, here):
    images = np.zeros((6, 4, 4), np.uint8)
    images[4:] = np.arange(2, dtype=np.uint8)[:, None, None] + 1
    np.savez(here / "d.npz", x=images, y=np.array([0, 0, 1, 1, 0, 1]))
    result = cli("inspect", "d.npz", "--split", "all")
    assert "3 samples are copies of an earlier one" in result.out


def test_inspect_shows_the_kept_share_it_says(cli, digits_round):
    outcome = json.loads(cli("inspect", digits_round.manifest, "--json").out)
    chart = next(c for c in outcome["charts"] if c["title"] == "kept per class")
    manifest = curate.open_manifest(digits_round.manifest)
    kept = manifest.samples["n_selected"] > 0
    for label, bar in enumerate(chart["bars"]):
        assert bar["value"] == pytest.approx(kept[manifest.samples["label"] == label].mean())


def test_results_are_described_by_their_methods(digits_round, cli):
    assert (
        cli(
            "replay",
            digits_round.manifest,
            "--epochs",
            1,
            "--trials",
            2,
            "--against",
            "full",
            "-o",
            "r.parquet",
        ).code
        == 0
    )
    result = cli("inspect", "r.parquet")
    assert result.code == 0, result.err
    assert "4 of 2 methods" in result.out
    assert re.search(r"digits-furthest .*% \(n = 2\)", result.out)


def test_results_are_compared_by_accuracy(digits_round, cli):
    words = ("--epochs", 1, "--trials", 2, "--against", "random")
    other = curate.select(digits_round.table, "closest", keep=0.3, output="closest")
    for manifest in (digits_round.manifest, other.path):
        assert cli("replay", manifest, *words).code == 0
    result = cli("compare", "digits-furthest-1-epochs-replay.parquet", "closest-1-epochs-replay.parquet")
    assert result.code == 0, result.err
    assert "closest: no clear difference to static random" in " ".join(result.out.split())
    printed = json.loads(cli("compare", "digits-furthest-1-epochs-replay.parquet", "--json").out)
    assert printed["against_random"][0]["method"] == "digits-furthest"

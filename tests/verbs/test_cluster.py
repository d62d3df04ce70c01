"""cluster: its defaults and options, and selecting in the same step."""

import numpy as np
import pytest
from helpers.commands import assert_error

import curate


def test_k_defaults_to_one_cluster_per_120_samples(digits_round, tmp_path):
    table = curate.cluster(digits_round.embedding, output=tmp_path / "c.parquet")
    assert table.header.summary["k"] == 12  # 1,443 / 120


def test_cluster_selects_in_the_same_step(cli, here, digits_round):
    result = cli(
        "cluster", digits_round.embedding, "-k", 12, "--strategy", "furthest", "--keep", 100, "-o", "m.1"
    )
    assert result.last == "m.1"
    assert (here / "m.1.parquet").is_file()
    assert len(curate.open_manifest(here / "m.1").selected(0).indices) == 100


def test_a_selection_that_cannot_work_is_refused_before_clustering(cli, here, digits_round):
    words = ("cluster", digits_round.embedding, "-k", 5, "--strategy", "top")
    assert_error(cli(*words, "--keep", "7", "--class-floor", "3"), "class-floor=3.0 is not a share")
    assert list(here.iterdir()) == []
    assert cli(*words, "--keep", "7").code == 0


@pytest.mark.parametrize("more", [[], ["--strategy", "top", "--keep", 9]], ids=["cluster", "and select"])
def test_every_option_of_cluster_reaches_the_clustering(cli, here, digits_round, more):
    words = ["cluster", digits_round.embedding, "-k", 7, "--iterations", 3, "--init", "kmeans++"]
    words += ["--relocate", 2, "--seed", 5]
    assert cli(*words, "--spherical", *more).code == 0
    header = curate.open_table(
        here / "digits-k7-spherical-iterations-3-init-kmeans-relocate-2-seed-5.parquet"
    ).header
    given = {"k": 7, "spherical": True, "iterations": 3, "init": "kmeans++", "relocate": 2}
    assert header.options == given
    assert header.seed == 5
    assert_error(cli(*words[:4], "--init", "kmean", "-o", "x.parquet"), "there is no init 'kmean'")


def test_external_vectors_cluster_and_select(cli, here):
    np.save(here / "text.npy", np.random.default_rng(0).normal(size=(90, 6)))
    result = cli(
        "cluster", "text.npy", "-k", 5, "--spherical", "--strategy", "closest", "--keep", 30, "-o", "m"
    )
    assert result.last == "m"
    assert len(curate.open_manifest(here / "m").selected(0).indices) == 30
    assert_error(cli("replay", "m"), "made from vectors alone")

"""Scores from a trace that is there: those of the run itself, with no dataset needed."""

import numpy as np
import pytest
from helpers.scored_digits import TRACED

import curate
from curate.errors import CurateError, MismatchError

pytest_plugins = ["helpers.scored_digits"]


def test_a_trace_gives_the_scores_that_the_run_gave(scored, some_digits, tmp_path):
    table, trace = scored
    names = [name.replace("-", "_") for name in TRACED if name != "el2n"]
    again = curate.score(some_digits, names, trace=trace, output=tmp_path / "again")
    for name in names:
        assert (again[name] == table[name]).all()
    assert (again["uid"] == some_digits.uids).all()
    assert again.header.parents == {"trace": curate.open_trace(trace).header.sha256}


def test_the_trace_of_a_run_is_scored_without_its_dataset(tmp_path):
    made = curate.train(
        "digits", hyperparameters={"n_epochs": 3}, trace=True, output=tmp_path / "run"
    ).manifest
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curate.verbs.score_from_trace.open_recorded", None)
        table = curate.score(trace=made.path, method=["aum", "forgetting"], output=tmp_path / "s")
    assert (table["uid"] == made.samples["uid"]).all()
    assert (table["label"] == made.samples["label"]).all()
    early = curate.score(trace=made.path, method="aum", epochs=1, output=tmp_path / "early")
    assert (early["aum"] != table["aum"]).any()


def test_a_trace_of_another_dataset_is_refused(scored, tmp_path):
    with pytest.raises(MismatchError, match=r"was made from digits .* they do not belong together"):
        curate.score("digits+per-class=5", "aum", trace=scored[1], output=tmp_path / "x")


def test_a_trace_of_unequal_presentations_is_scored_with_a_warning(tmp_path, cli):
    pruner = curate.Pruner(4, "random", keep=3, epochs=3, labels=[0, 1, 0, 1], trace=True)
    times = np.zeros(4, int)
    for epoch in range(3):
        pruner.set_epoch(epoch)
        times[pruner.selected] += 1
        pruner.observe(pruner.order(), np.ones(3), np.eye(2)[[0, 1, 0]])
    pruner.save("loop")
    assert 0 < times.min() < times.max()
    result = cli("score", "--trace", "loop", "--method", "aum", "-o", "aum.parquet")
    assert result.code == 0
    assert f"presents samples {times.min()} to {times.max()} times, and what is presented more" in result.err


def test_a_trace_that_did_not_see_a_sample_is_refused(tmp_path):
    recipe = {"n_epochs": 1}
    made = curate.train(
        "digits", policy="random", keep=0.1, hyperparameters=recipe, trace=True, output=tmp_path / "run"
    )
    with pytest.raises(CurateError, match=r"aum of sample \d+ by model 0 is nan .* never seen in training"):
        curate.score(trace=made.manifest.path, method="aum", output=tmp_path / "x")
    assert not (tmp_path / "x").exists()

"""score: by training, from a trace, from clusters and from an embedding; resumed, and counted in a replay."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from conftest import seen_of, traced
from hypothesis import given, settings
from hypothesis import strategies as st

import curate
from curate import finder
from curate import learner as learners
from curate.artifact import cost_of
from curate.errors import CurateError, MismatchError
from curate.network import Recipe
from curate.scorer import EmbeddingScorer
from curate.training import ensemble
from curate.training.batches import Batches
from curate.verbs import scoring

SCORERS = finder.names("scorers")
TRAINED = [name for name in SCORERS if "from_clusters" not in dir(finder.load("scorers", name))]
TRAINED = [name for name in TRAINED if "from_embedding" not in dir(finder.load("scorers", name))]
TRACED = [name for name in SCORERS if hasattr(finder.load("scorers", name), "from_trace")]
LOOKING = [name for name in SCORERS if hasattr(finder.load("scorers", name), "of_batch")]


@pytest.fixture(scope="module")
def digits():
    return curate.open_dataset("digits").take(np.arange(240))


@pytest.fixture(scope="module")
def scored(digits, tmp_path_factory):
    """Everything that training gives, of two models after two epochs, and their trace."""
    folder = tmp_path_factory.mktemp("scored")
    trace = folder / "trace.parquet"
    table = curate.score(
        digits,
        TRAINED,
        models=2,
        epochs=2,
        side_by_side=True,
        trace=trace,
        output=folder / "all.parquet",
        seed=5,
    )
    return table, trace


def ranks(table):
    return table.header["columns"]


# ------------------------------------------------------------------------------------------ every scorer


@pytest.mark.parametrize("name", SCORERS)
class TestEveryScorer:
    METHODS: ClassVar = {
        "trace": "from_trace",
        "network": "of_batch",
        "clusters": "from_clusters",
        "embedding": "from_embedding",
    }

    def test_says_which_side_is_hard_and_what_it_reads(self, name):
        scorer = finder.make("scorers", name)
        assert scorer.hard_is in ("high", "low")
        assert scorer.reads
        assert set(scorer.reads) == {source for source, has in self.METHODS.items() if hasattr(scorer, has)}

    def test_says_what_it_wants_of_training(self, name):
        scorer = finder.make("scorers", name)
        if name in TRAINED:
            assert scorer.over_models in ("mean", "sum")
            assert scorer.n_models >= 1
            assert scorer.n_epochs is None or scorer.n_epochs >= 1

    def test_is_named_in_the_help(self, name, cli):
        assert name in cli("score", "--help").out


@pytest.mark.parametrize("name", TRACED)
def test_a_sample_never_seen_is_not_scored(name, tmp_path):
    zeros = np.zeros(2, np.float32)
    seen = seen_of(2, zeros, zeros, zeros, zeros > 0)
    scores = finder.make("scorers", name).from_trace(traced(tmp_path, 3, [[seen]]))
    assert scores.shape == (1, 3)
    assert np.isnan(scores[0]).tolist() == [False, False, True]


@pytest.mark.parametrize("name", LOOKING)
def test_a_look_does_not_depend_on_the_rest_of_a_batch(name, digits):
    learner = learners.build("basic-cnn", {}, digits, 0, torch.device("cpu"))
    learner.module.eval()
    scorer = finder.make("scorers", name)
    images, labels = next(Batches(digits, learner).plain(np.arange(40), 40))
    with torch.no_grad():
        together = scorer.of_batch(learner, images, labels)
        alone = torch.cat([scorer.of_batch(learner, images[i : i + 1], labels[i : i + 1]) for i in range(40)])
    assert together.shape == (40,)
    assert torch.allclose(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", ["basic-cnn", "lenet5"])
def test_grand_is_the_length_of_autograds_own_gradient(model, digits):
    learner = learners.build(model, {}, digits, 0, torch.device("cpu"))
    learner.module.eval()
    images, labels = next(Batches(digits, learner).plain(np.arange(6), 6))
    expected, of_last = [], []
    last = [part for part in learner.module.modules() if isinstance(part, torch.nn.Linear)][-1]
    for image, label in zip(images, labels, strict=True):
        learner.module.zero_grad()
        torch.nn.functional.cross_entropy(learner.logits(image[None]), label[None]).backward()
        gradients = [parameter.grad for parameter in learner.module.parameters()]
        expected.append(torch.cat([gradient.flatten() for gradient in gradients]).norm())
        of_last.append(torch.cat([last.weight.grad.flatten(), last.bias.grad]).norm())
    for layers, values in (("all", expected), ("last", of_last)):
        found = finder.make("scorers", "grand", {"layers": layers}).of_batch(learner, images, labels)
        assert torch.allclose(found, torch.stack(values), rtol=1e-4)


def naive_forgetting(history):
    """One sample: whether it was right at each presentation."""
    if not any(history):
        return len(history)
    return sum(before and not now for before, now in pairwise(history))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([None, True, False]), min_size=4, max_size=4), min_size=1, max_size=6)
)
def test_forgetting_is_what_counting_by_hand_gives(histories):
    """None is an epoch in which the sample was not presented."""
    import tempfile

    from curate.trace import Seen

    epochs = []
    for column in zip(*histories, strict=True):
        index = np.array([i for i, state in enumerate(column) if state is not None], np.int64)
        blank = np.zeros(len(index), np.float32)
        epochs.append(Seen(index, blank, blank, blank, np.array([column[i] for i in index], np.bool_)))
    with tempfile.TemporaryDirectory() as folder:
        scores = finder.make("scorers", "forgetting").from_trace(
            traced(Path(folder), len(histories), [epochs])
        )
    for history, score in zip(histories, scores[0], strict=True):
        presented = [state for state in history if state is not None]
        assert np.isnan(score) if not presented else score == naive_forgetting(presented)


# ------------------------------------------------------------------------------------------- by training


def test_scores_of_two_models_are_the_mean_or_sum_of_those_of_each(scored, digits, tmp_path):
    table, _ = scored
    alone = [
        curate.score(
            digits, TRAINED, models=1, epochs=2, seed=seed, output=tmp_path / f"{seed}", side_by_side=False
        )
        for seed in (5, 6)
    ]
    for name in ranks(table):
        both = np.stack([one[name] for one in alone])
        if name == "forgetting":
            assert np.abs(table[name] - both.sum(0)).max() <= 1
            assert f"{name}_std" not in table.columns
        else:
            assert np.allclose(table[name], both.mean(0), rtol=0.02, atol=0.02), name
            assert np.allclose(table[f"{name}_std"], both.std(0, ddof=1), rtol=0.05, atol=0.02), name


def test_one_by_one_is_each_on_its_own_to_the_bit(digits, tmp_path):
    options = {"methods": ["el2n", "aum"], "epochs": 1}
    both = curate.score(
        digits, options["methods"], models=2, epochs=1, side_by_side=False, output=tmp_path / "both"
    )
    alone = [
        curate.score(digits, options["methods"], models=1, epochs=1, seed=s, output=tmp_path / f"{s}")
        for s in (0, 1)
    ]
    for name in ("el2n", "aum"):
        assert (both[name] == np.stack([one[name] for one in alone]).mean(0)).all()


@pytest.mark.parametrize("model", ["basic-cnn", "lenet5"])
def test_side_by_side_are_the_same_models_up_to_rounding(model, digits):
    recipe = Recipe(2, 64, "sgd", 0.02, 0.9, 5e-4, "cosine", "crop-flip")
    found = {}
    for side_by_side in (False, True):
        models = [learners.build(model, {}, digits, seed, torch.device("cpu")) for seed in range(3)]
        data = Batches(digits, models[0])
        rounds = ensemble.fit_all(models, data, recipe, range(3), 2, side_by_side=side_by_side, trace=True)
        found[side_by_side] = (list(rounds), models)
    for (one, other), (mine, theirs) in zip(
        zip(found[False][0], found[True][0], strict=True),
        zip(found[False][1], found[True][1], strict=False),
        strict=False,
    ):
        assert one.samples_seen == other.samples_seen
        assert one.loss == pytest.approx(other.loss, rel=1e-3)
        for first, second in zip(one.seen, other.seen, strict=True):
            assert np.allclose(first.margin, second.margin, rtol=1e-2, atol=1e-2)
        for name, value in mine.module.state_dict().items():
            assert torch.allclose(
                value.float(), theirs.module.state_dict()[name].float(), rtol=1e-2, atol=2e-3
            )


def test_side_by_side_has_an_order_and_a_start_of_its_own_for_each(scored):
    table, trace = scored
    first = next(iter(curate.open_trace(trace).epochs()))
    both = first.loss.reshape(2, len(table))
    assert (both[0] != both[1]).mean() > 0.9


def test_dropout_is_not_trained_side_by_side(digits):
    learner = learners.build("basic-cnn", {}, digits, 0, torch.device("cpu"))
    assert ensemble.fits_side_by_side(learner)
    assert not ensemble.pays_side_by_side(learner)  # on a CPU
    with_dropout = torch.nn.Sequential(learner.module, torch.nn.Dropout())
    assert not ensemble.fits_side_by_side(replace(learner, module=with_dropout))
    training = scoring.Training("it", {}, Recipe(), 2, 1, side_by_side=True, device=None, trace=None)
    with pytest.raises(CurateError, match="it has dropout and is not trained side by side: use --one-by-one"):
        scoring._side_by_side(training, replace(learner, module=with_dropout))


def test_a_score_of_an_early_epoch_is_of_the_recipe_of_the_whole_run(digits, tmp_path):
    """The learning rate after two epochs is that of a long run after two epochs."""
    own = finder.load("models", "basic-cnn").recipe.n_epochs
    seen = []

    def remember(learners, data, recipe, seeds, n_epochs, **rest):
        seen.append((recipe.n_epochs, n_epochs))
        return ensemble.fit_all(learners, data, recipe, seeds, n_epochs, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "fit_all", remember)
        curate.score(digits, "el2n", models=1, epochs=1, output=tmp_path / "a")
    assert seen == [(own, 1)]


def test_defaults_are_those_of_the_method(digits, tmp_path, monkeypatch):
    asked = []

    def remember(source, methods, training, *rest, **more):
        asked.append((training.n_models, training.n_epochs, training.recipe.n_epochs))
        raise CurateError("enough")

    monkeypatch.setattr(scoring, "score_by_training", remember)
    own = finder.load("models", "basic-cnn").recipe.n_epochs
    for method, epochs in (("el2n", None), ("forgetting", None), ("el2n", 50)):
        with pytest.raises(CurateError, match="enough"):
            curate.score(digits, method, epochs=epochs, output=tmp_path / "x")
    with pytest.raises(CurateError, match="enough"):
        curate.score(digits, "el2n", model="resnet18", output=tmp_path / "x")
    long = finder.load("models", "resnet18").recipe.n_epochs
    assert asked == [(10, min(20, own), own), (1, own, own), (10, 50, 50), (10, min(20, long), long)]


# --------------------------------------------------------------------------------------------- from a trace


def test_a_trace_gives_the_scores_that_the_run_gave(scored, digits, tmp_path):
    table, trace = scored
    names = [name.replace("-", "_") for name in TRACED if name != "el2n"]
    again = curate.score(digits, names, trace=trace, output=tmp_path / "again")
    for name in names:
        assert (again[name] == table[name]).all()
    assert (again["uid"] == digits.uids).all()
    assert again.header["parents"] == {"trace": curate.open_trace(trace).header["sha256"]}


def test_the_trace_of_a_run_is_scored_without_its_dataset(tmp_path):
    made = curate.train("digits", recipe={"n_epochs": 3}, trace=True, output=tmp_path / "run").manifest
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curate.verbs.scored.open_dataset", None)
        table = curate.score(trace=made.path, method=["aum", "forgetting"], output=tmp_path / "s")
    assert (table["uid"] == made.samples["uid"]).all()
    assert (table["label"] == made.samples["label"]).all()
    early = curate.score(trace=made.path, method="aum", epochs=1, output=tmp_path / "early")
    assert (early["aum"] != table["aum"]).any()


def test_a_trace_of_another_dataset_is_refused(scored, tmp_path):
    with pytest.raises(MismatchError, match=r"was made from digits .* they do not belong together"):
        curate.score("digits+per-class=5", "aum", trace=scored[1], output=tmp_path / "x")


def test_a_trace_that_did_not_see_a_sample_is_refused(tmp_path):
    recipe = {"n_epochs": 1}
    made = curate.train(
        "digits", policy="random", keep=0.1, recipe=recipe, trace=True, output=tmp_path / "run"
    )
    with pytest.raises(CurateError, match=r"aum of sample \d+ by model 0 is nan .* never seen in training"):
        curate.score(trace=made.manifest.path, method="aum", output=tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_number_that_is_none_is_named_and_nothing_is_written(digits, tmp_path):
    recipe = {"lr": 1e30, "optimizer": "sgd", "schedule": "constant", "batch_size": 50}
    for side_by_side in (True, False):
        with pytest.raises(CurateError, match=r"in epoch \d.*, first that of sample \d+: use a smaller --lr"):
            curate.score(
                digits, "aum", models=2, recipe=recipe, side_by_side=side_by_side, output=tmp_path / "x"
            )
    assert list(tmp_path.iterdir()) == []


# -------------------------------------------------------------------------- from clusters and an embedding


def test_prototypicality_is_the_distance_of_the_clusters(digits_round, tmp_path):
    table = curate.score(digits_round.table, "prototypicality", output=tmp_path / "s")
    assert (table["prototypicality"] == curate.open_table(digits_round.table)["distance"]).all()
    assert ranks(table) == {"prototypicality": {"hard_is": "high"}}
    assert "cluster" in table.columns


def test_duplicates_go_first_and_one_of_them_stays(tmp_path):
    chance = np.random.default_rng(2)
    vectors = chance.normal(size=(40, 8)).astype(np.float32)
    vectors[30:] = vectors[:10] * 3
    np.save(tmp_path / "v.npy", vectors)
    table = curate.score(tmp_path / "v.npy", "duplicate", output=tmp_path / "s")
    group = table["duplicate_group"]
    assert all(len(set(group[[i, i + 30]])) == 1 for i in range(10))
    kept = curate.select(table, "top", keep=30, output=tmp_path / "m").selected(0).indices
    assert len(set(group[kept])) == 30


def test_near_duplicates_in_many_pieces_are_one_group(monkeypatch, tmp_path):
    from curate.scorers import duplicate

    monkeypatch.setattr(duplicate, "_MOST_PAIRS", 3)
    monkeypatch.setattr("curate.kmeans._SEARCH_ROWS", 2)
    angles = np.linspace(0, 1.5, 31)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    vectors = np.concatenate([vectors, -vectors[:1]])
    np.save(tmp_path / "v.npy", vectors)
    table = curate.score(tmp_path / "v.npy", "duplicate", output=tmp_path / "s")
    assert table["duplicate_group"].tolist() == [0] * 31 + [31]
    scorer: EmbeddingScorer = finder.make("scorers", "duplicate", {"max_cosine_distance": 0.001})
    found = scorer.from_embedding(curate.open_embedding(tmp_path / "v.npy"), curate.verbs.score.SILENT)
    assert len(set(found["duplicate_group"].tolist())) == 32


# ------------------------------------------------------------------------------------- headers and costs


def test_the_header_says_how_and_what_it_cost(scored, digits):
    table, trace = scored
    options = table.header["options"]
    assert options["n_models"] == 2
    assert options["n_epochs"] == 2
    assert options["method"].split(",") == [name.replace("-", "_") for name in TRAINED]
    assert table.header["cost"]["samples_seen"] == 2 * 2 * len(digits)
    assert table.header["cost"]["seconds"] > 0
    cost = curate.open_trace(trace).header["cost"]
    assert cost["samples_seen"] == table.header["cost"]["samples_seen"]
    assert 0 < cost["seconds"] <= table.header["cost"]["seconds"]
    assert curate.open_trace(trace).samples_seen == 2 * 2 * len(digits)
    assert table.header["columns"]["aum"] == {"hard_is": "low"}


def test_the_same_call_gives_the_same_scores(scored, digits, tmp_path):
    table, _ = scored
    again = curate.score(
        digits, TRAINED, models=2, epochs=2, side_by_side=True, output=tmp_path / "again", seed=5
    )
    assert all((again[name] == table[name]).all() for name in table.columns)
    same = {key: value for key, value in table.header.items() if key not in ("cost", "sha256")}
    assert {key: again.header[key] for key in same} == same


def test_replay_counts_what_scoring_cost_unless_told_not_to(tmp_path, cli):
    table = curate.score("digits", "el2n", models=2, epochs=1, output=tmp_path / "s")
    manifest = curate.select(table, "top", keep=0.2, output=tmp_path / "m")
    cost = table.header["cost"]
    assert cost_of(manifest.header) == (cost["seconds"], cost["samples_seen"])
    words = ["replay", manifest.path, "--trials", "1", "--epochs", "1", "--against", "random", "--json"]
    counted, not_counted = (json.loads(cli(*words, *more).out) for more in ([], ["--no-scoring"]))
    assert counted["scoring_seconds"] == cost["seconds"]
    assert not_counted["scoring_seconds"] == not_counted["scoring_samples_seen"] == 0
    ours, random = counted["runs"]
    training = ours["trials"][0]["train_seconds"] + ours["trials"][0]["select_seconds"]
    assert ours["seconds"]["mean"] == pytest.approx(cost["seconds"] + training)
    assert random["seconds"]["mean"] == pytest.approx(
        random["trials"][0]["train_seconds"] + random["trials"][0]["select_seconds"]
    )
    said = cli(*words[:-1]).out
    assert "seconds scoring" in said
    assert f"{cost['samples_seen']:,}" in said
    assert "seconds scoring" not in cli(*words[:-1], "--no-scoring").out


def test_scores_that_two_manifests_share_are_counted_once(scored, tmp_path):
    table, _ = scored
    parts = [curate.select(table, "top", keep=k, output=tmp_path / f"{k}") for k in (0.1, 0.2)]
    both = curate.select(table, "bottom", keep=0.1, output=tmp_path / "b")
    made = curate.compare(parts[1].path, both.path, combine="union", output=tmp_path / "u")
    assert made is not None
    assert cost_of(curate.open_manifest(tmp_path / "u").header)[1] == table.header["cost"]["samples_seen"]


def test_scores_from_a_trace_cost_what_the_trace_cost(scored, digits, tmp_path, capsys):
    _, trace = scored
    names = ["aum", "margin"]
    scores = [curate.score(trace=trace, method=name, source=digits, output=tmp_path / name) for name in names]
    kept = [curate.select(one, "top", keep=0.1, output=tmp_path / f"m-{one.path.name}") for one in scores]
    own = sum(one.header["cost"]["seconds"] for one in scores)
    run = curate.open_trace(trace).header["cost"]
    made = curate.compare(*(one.path for one in kept), combine="union", output=tmp_path / "u").combined
    assert cost_of(made.header) == (pytest.approx(own + run["seconds"]), run["samples_seen"])


def test_reading_a_trace_that_is_there_is_said(scored, cli, tmp_path):
    said = cli("score", "digits", "--method", "aum", "--trace", scored[1], "-o", tmp_path / "x")
    assert said.code == 2  # of another part of digits
    folder = tmp_path / "run"
    curate.train("digits", recipe={"n_epochs": 1}, trace=True, output=folder)
    said = cli(
        "score", "digits", "--method", "aum", "--trace", folder / "trace.parquet", "-o", tmp_path / "y"
    )
    assert said.code == 0
    assert "which is there already: nothing is trained" in said.err


def test_every_table_of_scores_can_be_inspected(scored, digits_round, cli, here):
    curate.score(digits_round.table, "prototypicality", output="p.parquet")
    curate.score(digits_round.embedding, "duplicate", output="d.parquet")
    for path, more in ((scored[0].path, []), ("p.parquet", ["--sheet"]), ("d.parquet", ["--sheet"])):
        said = cli("inspect", path, *(word for one in more for word in (one, f"{path}.png")))
        assert said.code == 0, said.err
        assert "is hard" in said.out
    assert (
        "leave out --column x" in cli("inspect", digits_round.table, "--sheet", "y.png", "--column", "x").err
    )
    assert cli("inspect", digits_round.table, "--column", "x").code == 2


# ------------------------------------------------------------------------------------------------ resume


def columns_of(path):
    table = pq.read_table(path)
    return {name: table.column(name).to_pylist() for name in table.column_names}


KILLED = """
import json, os, sys
from curate.training import unfinished
unfinished._SHARE = 1.0
from curate.cli.main import main
left = int(sys.argv.pop(1))
for owner, name in ((unfinished.Unfinished, "keep"), (unfinished.Unfinished, "_write_run")):
    def counted(self, *given, _of=getattr(owner, name), **more):
        global left
        if left == 0:
            os.kill(os.getpid(), 9)
        left -= 1
        return _of(self, *given, **more)
    setattr(owner, name, counted)
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("side_by_side", ["--side-by-side", "--one-by-one"])
def test_killed_at_any_write_it_ends_in_the_same_scores(side_by_side, tmp_path):
    words = ["score", "digits+per-class=20", "--method", "aum,el2n", "--models", "2", "--epochs", "2"]
    words += ["--set", "width=4", side_by_side, "--trace", "t.parquet", "-o", "s.parquet"]

    def run(folder, kill_at):
        folder.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(kill_at), *words], cwd=folder, capture_output=True, text=True
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode == 0

    assert run(tmp_path / "calm", -1)
    writes = 0
    while not run(tmp_path / "killed", writes):
        writes += 1
        folder = tmp_path / f"once-{writes}"
        assert not run(folder, writes - 1)
        assert run(folder, -1)
        for name in ("s.parquet", "t.parquet"):
            assert columns_of(folder / name) == columns_of(tmp_path / "calm" / name)
        assert {path.name for path in folder.iterdir()} == {"s.parquet", "t.parquet"}
    assert writes > 4


def test_a_run_that_was_stopped_goes_on_where_it_was(digits, tmp_path, monkeypatch):
    calm = curate.score(digits, ["el2n", "aum"], models=2, epochs=3, output=tmp_path / "calm")
    monkeypatch.setattr("curate.training.unfinished._SHARE", float("inf"))
    real, trained = scoring.fit_all, []

    def stopping(*given, **more):
        for done in real(*given, **more):
            trained.append(done.epoch)
            yield done
            if trained == [0, 1]:
                raise KeyboardInterrupt

    monkeypatch.setattr(scoring, "fit_all", stopping)
    with pytest.raises(KeyboardInterrupt):
        curate.score(digits, ["el2n", "aum"], models=2, epochs=3, output=tmp_path / "s")
    assert (tmp_path / "s.unfinished").is_dir()
    table = curate.score(digits, ["el2n", "aum"], models=2, epochs=3, output=tmp_path / "s")
    assert trained[:2] == [0, 1]
    assert trained[-1] == 2
    assert all((table[name] == calm[name]).all() for name in calm.columns)
    assert table.header["cost"]["samples_seen"] == calm.header["cost"]["samples_seen"]
    assert not (tmp_path / "s.unfinished").exists()


def test_an_unfinished_run_of_other_options_is_refused_unless_fresh(digits, tmp_path, monkeypatch):
    monkeypatch.setattr("curate.training.unfinished._SHARE", float("inf"))
    monkeypatch.setattr(scoring, "_look", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        curate.score(digits, "el2n", models=1, epochs=1, output=tmp_path / "s")
    monkeypatch.undo()
    with pytest.raises(CurateError, match="holds an unfinished run of another command"):
        curate.score(digits, "el2n", models=1, epochs=2, output=tmp_path / "s")
    curate.score(digits, "el2n", models=1, epochs=2, output=tmp_path / "s", fresh=True)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def stopped(digits, tmp_path, monkeypatch, **options):
    """A run that was interrupted when all was trained."""
    monkeypatch.setattr("curate.training.unfinished._SHARE", float("inf"))
    monkeypatch.setattr(scoring, "_look", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        curate.score(digits, "el2n", models=1, epochs=1, output=tmp_path / "s", **options)
    monkeypatch.undo()


def test_what_is_unfinished_is_no_leave_to_replace_what_others_wrote(digits, tmp_path, monkeypatch):
    (tmp_path / "notes").write_text("mine")
    stopped(digits, tmp_path, monkeypatch)
    with pytest.raises(CurateError, match=r"holds an unfinished run of another command \(trace was"):
        curate.score(digits, "el2n", models=1, epochs=1, output=tmp_path / "s", trace=tmp_path / "t")
    for trace in ("notes", "s.unfinished/run.json"):
        with pytest.raises(CurateError):
            curate.score(digits, "el2n", models=1, epochs=1, output=tmp_path / "s", trace=tmp_path / trace)
    assert (tmp_path / "notes").read_text() == "mine"
    (tmp_path / "s").write_text("mine")
    with pytest.raises(CurateError, match="exists: use --force"):
        curate.score(digits, "el2n", models=1, epochs=1, output=tmp_path / "s")
    assert (tmp_path / "s").read_text() == "mine"


def test_an_empty_folder_left_by_a_kill_is_no_leave_to_replace(digits, tmp_path):
    first = curate.score(digits, "el2n", models=1, epochs=1, output=tmp_path / "s")
    before = first.path.read_bytes()
    (tmp_path / "s.unfinished").mkdir()
    with pytest.raises(CurateError, match="exists: use --force"):
        curate.score(digits, "el2n", models=1, epochs=1, seed=4, output=tmp_path / "s")
    assert first.path.read_bytes() == before


# ------------------------------------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["digits", "--method", "el3n"], "there is no scorer called 'el3n': did you mean el2n"),
        (["digits", "--models", "0"], "models=0 is too few: use 1 or more"),
        (["digits", "--epochs", "0"], "epochs=0 is too few"),
        (["digits", "--method", ","], "name a method: use one of aum"),
        (
            ["digits", "--method", "el2n,forgetting"],
            "different numbers of models (el2n 10, forgetting 1): say --models",
        ),
        (["digits", "--method", "el2n,duplicate"], "are not made from the same thing: score them one by one"),
        (["digits", "--method", "grand", "--set", "layers=first"], "layers=first does not fit scorer grand"),
        (["digits", "--method", "el2n", "--set", "withd=3"], "has an option 'withd': did you mean width?"),
        (
            ["digits", "--method", "prototypicality"],
            "is made from a table of clusters (`curate cluster`), and digits is",
        ),
        (
            ["digits", "--method", "duplicate"],
            "is made from an embedding (`curate embed`), and digits is none",
        ),
        (
            ["{table}", "--method", "prototypicality", "--models", "3"],
            "prototypicality trains nothing: leave out --models",
        ),
        (["{table}", "--method", "el2n"], "has no image column"),
        (
            ["{embedding}", "--method", "duplicate", "--set", "max_cosine_distance=1"],
            "max_cosine_distance=1.0 is out of",
        ),
        (["--method", "aum"], "there is nothing to score: name a dataset, or an earlier --trace"),
        (["--trace", "none.parquet", "--method", "aum"], "there is no trace none.parquet"),
        (["--trace", "{trace}", "--method", "grand"], "grand cannot be made from a trace: leave out --trace"),
        (
            ["digits", "--trace", "{trace}", "--method", "el2n"],
            "from a trace is rougher than by training: leave out",
        ),
        (["--trace", "{trace}", "--method", "aum", "--lr", "0.1"], "trains nothing: leave out --lr"),
        (["--trace", "{trace}", "--method", "aum", "--model", "lenet5"], "trains nothing: leave out --model"),
        (["--trace", "{trace}", "--method", "aum", "--fresh"], "trains nothing: leave out --fresh"),
        (["--trace", "{trace}", "--method", "aum", "--set", "width=3"], "scorer aum has no option 'width'"),
        (
            ["{table}", "--method", "prototypicality", "--one-by-one"],
            "trains nothing: leave out --side-by-side",
        ),
        (
            ["{table}", "--method", "prototypicality", "--batch-size", "3"],
            "trains nothing: leave out --batch-size",
        ),
        (["digits", "--method", "aum", "-o", "x", "--trace", "x"], "x cannot hold both scores and trace"),
        (["digits", "--method", "aum", "-o", "{folder}"], "is a folder: name a file"),
        (["digits", "--method", "aum", "--trace", "{folder}", "--force"], "is a folder: name a file"),
        (["--method", "prototypicality"], "and nothing is none: make one first"),
        (["--trace", "{trace}", "--method", "aum", "--epochs", "9"], "epochs=9 is beyond the trace"),
        (["digits", "--method", "aum", "--lr", "0"], "lr=0.0 is out of range"),
        (["digits", "--device", "tpu"], "device=tpu is unknown"),
    ],
)
def test_wrong_input_is_answered_in_one_line(words, message, cli, digits_round, scored, here):
    names = {"table": digits_round.table, "embedding": digits_round.embedding, "trace": scored[1]}
    names["folder"] = digits_round.folder
    said = cli("score", *(word.format(**names) for word in words))
    assert said.code == 2
    assert message in said.err
    assert said.err.count("\n") <= 2
    assert list(here.iterdir()) == []


def test_what_is_there_is_not_replaced(scored, digits, tmp_path):
    (tmp_path / "s.parquet").write_text("mine")
    with pytest.raises(CurateError, match="exists: use --force"):
        curate.score(digits, "el2n", models=1, epochs=1, output=tmp_path / "s.parquet")
    with pytest.raises(CurateError, match="exists: use --force"):
        curate.score(trace=scored[1], method="aum", output=tmp_path / "s.parquet", source=digits)
    assert (tmp_path / "s.parquet").read_text() == "mine"


def test_one_class_only_is_refused(tmp_path):
    one = curate.open_dataset("digits")
    one = one.take(np.flatnonzero(one.labels == 3))
    with pytest.raises(CurateError, match="has one class only"):
        curate.score(one, "el2n", output=tmp_path / "x")


@pytest.mark.slow
def test_a_killed_command_can_be_started_again(tmp_path):
    """The command itself, killed by a signal at some moment of its training."""
    words = ["score", "digits", "--method", "aum", "--epochs", "30", "-o", "s.parquet", "--device", "cpu"]
    start = [sys.executable, "-m", "curate", *words]
    running = subprocess.Popen(start, cwd=tmp_path, stderr=subprocess.PIPE)
    for _ in range(600):
        if (tmp_path / "s.parquet.unfinished" / "run.json").exists():
            break
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    done = subprocess.run(start, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "going on after epoch" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["s.parquet"]

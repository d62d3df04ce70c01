"""score: by training, from a trace, from clusters and from an embedding."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.scored_digits import TRACED, TRAINED, ranks

import curate
from curate import finder
from curate.errors import CurateError, MismatchError
from curate.networks import learner as learners
from curate.networks.model import Recipe
from curate.scores.scorer import EmbeddingScorer
from curate.training import ensemble
from curate.training.batches import Batches
from curate.verbs import scoring

pytest_plugins = ["helpers.scored_digits"]


# ------------------------------------------------------------------------------------------- by training


def test_scores_of_two_models_are_the_mean_or_sum_of_those_of_each(scored, some_digits, tmp_path):
    table, _ = scored
    alone = [
        curate.score(
            some_digits,
            TRAINED,
            models=1,
            epochs=2,
            seed=seed,
            output=tmp_path / f"{seed}",
            side_by_side=False,
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


def test_one_by_one_is_each_on_its_own_to_the_bit(some_digits, tmp_path):
    options = {"methods": ["el2n", "aum"], "epochs": 1}
    both = curate.score(
        some_digits, options["methods"], models=2, epochs=1, side_by_side=False, output=tmp_path / "both"
    )
    alone = [
        curate.score(some_digits, options["methods"], models=1, epochs=1, seed=s, output=tmp_path / f"{s}")
        for s in (0, 1)
    ]
    for name in ("el2n", "aum"):
        assert (both[name] == np.stack([one[name] for one in alone]).mean(0)).all()


@pytest.mark.parametrize("model", ["basic-cnn", "lenet5"])
def test_side_by_side_are_the_same_models_up_to_rounding(model, some_digits):
    recipe = Recipe(2, 64, "sgd", 0.02, 0.9, 5e-4, "cosine", "crop-flip")
    found = {}
    for side_by_side in (False, True):
        models = [learners.build(model, {}, some_digits, seed, torch.device("cpu")) for seed in range(3)]
        data = Batches(some_digits, models[0])
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


def test_dropout_is_not_trained_side_by_side(some_digits):
    learner = learners.build("basic-cnn", {}, some_digits, 0, torch.device("cpu"))
    assert ensemble.fits_side_by_side(learner)
    assert not ensemble.pays_side_by_side(learner)  # on a CPU
    with_dropout = torch.nn.Sequential(learner.module, torch.nn.Dropout())
    assert not ensemble.fits_side_by_side(replace(learner, module=with_dropout))
    training = scoring.Training("it", {}, Recipe(), 2, 1, side_by_side=True, device=None, trace=None)
    with pytest.raises(CurateError, match="it has dropout and is not trained side by side: use --one-by-one"):
        scoring._side_by_side(training, replace(learner, module=with_dropout))


def test_a_score_of_an_early_epoch_is_of_the_recipe_of_the_whole_run(some_digits, tmp_path):
    """The learning rate after two epochs is that of a long run after two epochs."""
    own = finder.load("models", "basic-cnn").recipe.n_epochs
    seen = []

    def remember(learners, data, recipe, seeds, n_epochs, **rest):
        seen.append((recipe.n_epochs, n_epochs))
        return ensemble.fit_all(learners, data, recipe, seeds, n_epochs, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "fit_all", remember)
        curate.score(some_digits, "el2n", models=1, epochs=1, output=tmp_path / "a")
    assert seen == [(own, 1)]


def test_defaults_are_those_of_the_method(some_digits, tmp_path, monkeypatch):
    asked = []

    def remember(source, methods, training, *rest, **more):
        asked.append((training.n_models, training.n_epochs, training.recipe.n_epochs))
        raise CurateError("enough")

    monkeypatch.setattr(scoring, "score_by_training", remember)
    own = finder.load("models", "basic-cnn").recipe.n_epochs
    for method, epochs in (("el2n", None), ("forgetting", None), ("el2n", 50)):
        with pytest.raises(CurateError, match="enough"):
            curate.score(some_digits, method, epochs=epochs, output=tmp_path / "x")
    with pytest.raises(CurateError, match="enough"):
        curate.score(some_digits, "el2n", model="resnet18", output=tmp_path / "x")
    long = finder.load("models", "resnet18").recipe.n_epochs
    assert asked == [(10, min(20, own), own), (1, own, own), (10, 50, 50), (10, min(20, long), long)]


# --------------------------------------------------------------------------------------------- from a trace


def test_a_trace_gives_the_scores_that_the_run_gave(scored, some_digits, tmp_path):
    table, trace = scored
    names = [name.replace("-", "_") for name in TRACED if name != "el2n"]
    again = curate.score(some_digits, names, trace=trace, output=tmp_path / "again")
    for name in names:
        assert (again[name] == table[name]).all()
    assert (again["uid"] == some_digits.uids).all()
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


def test_a_number_that_is_none_is_named_and_nothing_is_written(some_digits, tmp_path):
    recipe = {"lr": 1e30, "optimizer": "sgd", "schedule": "constant", "batch_size": 50}
    for side_by_side in (True, False):
        with pytest.raises(CurateError, match=r"in epoch \d.*, first that of sample \d+: use a smaller --lr"):
            curate.score(
                some_digits, "aum", models=2, recipe=recipe, side_by_side=side_by_side, output=tmp_path / "x"
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
    from curate.scores.scorers import duplicate

    monkeypatch.setattr(duplicate, "_MOST_PAIRS", 3)
    monkeypatch.setattr("curate.vectors.kmeans._SEARCH_ROWS", 2)
    angles = np.linspace(0, 1.5, 31)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    vectors = np.concatenate([vectors, -vectors[:1]])
    np.save(tmp_path / "v.npy", vectors)
    table = curate.score(tmp_path / "v.npy", "duplicate", output=tmp_path / "s")
    assert table["duplicate_group"].tolist() == [0] * 31 + [31]
    scorer: EmbeddingScorer = finder.make("scorers", "duplicate", {"max_cosine_distance": 0.001})
    found = scorer.from_embedding(curate.open_embedding(tmp_path / "v.npy"), curate.verbs.score.SILENT)
    assert len(set(found["duplicate_group"].tolist())) == 32

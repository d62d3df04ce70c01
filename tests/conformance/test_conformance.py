"""The conformance vectors, which were worked out without this code, against this code."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.sessions import QUICK, Spy, make, run
from helpers.tables import score_table, traced
from torch import nn

import curate
from curate import finder
from curate.errors import CurateError
from curate.networks.learner import Learner, Normalization
from curate.progress import LOGGED
from curate.rng import rng
from curate.scores.signals import entropies, error_norms, margins
from curate.scores.trace import Seen
from curate.selection.budget import count_to_keep, first_with_class_floor
from curate.selection.session import Asked, plan_session
from curate.training import loop
from curate.training.sight import NetworkSight
from curate.vectors.embedding import Embedding
from curate.vectors.kmeans import assign

FOLDER = Path(__file__).parent


def cases(name: str):
    """The cases of a file, each with its tolerance; for parametrize."""
    content = json.loads((FOLDER / f"{name}.json").read_text())
    return [pytest.param(case, content["tolerance"], id=case["name"]) for case in content["cases"]]


def agree(got, expected, tolerance):
    got, expected = np.asarray(got, float), np.asarray(expected, float)
    assert got.shape == expected.shape
    assert (np.abs(got - expected) <= tolerance * np.maximum(1, np.abs(expected))).all(), (got, expected)


def tensor(values):
    return torch.tensor(values, dtype=torch.float32)


def test_the_vectors_are_what_their_own_script_works_out():
    done = subprocess.run([sys.executable, FOLDER / "work_out.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_of_vectors_is_run_here():
    source = Path(__file__).read_text()
    assert all(f'cases("{file.stem}")' in source for file in FOLDER.glob("*.json"))


@pytest.mark.parametrize("name", [f.stem for f in FOLDER.glob("*.json") if "hard_is" in f.read_text()])
def test_scorers_agree_on_which_side_is_hard(name):
    result = json.loads((FOLDER / f"{name}.json").read_text()).get("hard_is")
    if result and name != "error_norm":
        assert finder.load("scorers", name).hard_is == result


def seen(index, *, loss=None, margin=None, correct=None):
    blank = np.zeros(len(index), np.float32)
    columns = [blank if part is None else np.asarray(part) for part in (loss, margin)]
    right = np.zeros(len(index), np.bool_) if correct is None else np.array(correct, np.bool_)
    return Seen(np.array(index, np.int64), *columns, blank, right)


def traced_runs(given, folder):
    """A trace of the runs of a case, of which some may be shorter than others."""
    longest = max(map(len, given["runs"]))
    runs = [
        [seen(e["index"], correct=e["correct"]) for e in run] + [seen([])] * (longest - len(run))
        for run in given["runs"]
    ]
    return traced(folder, given["n"], runs)


@pytest.mark.parametrize(("case", "tolerance"), cases("forgetting"))
def test_forgetting(case, tolerance, tmp_path):
    trace, scorer = traced_runs(case["input"], tmp_path), finder.make("scorers", "forgetting")
    if case["expected"] is None:
        with pytest.raises(CurateError, match=r"presents samples \d to \d times"):
            scorer.from_trace(trace)
        return
    agree(scorer.from_trace(trace).sum(0), case["expected"], tolerance)


@pytest.mark.parametrize(("case", "tolerance"), cases("forgetting_rate"))
def test_forgetting_rate(case, tolerance, tmp_path):
    scores = finder.make("scorers", "forgetting-rate").from_trace(traced_runs(case["input"], tmp_path))
    agree(scores.mean(0), case["expected"], tolerance)


LOOKS = {"0.1": ["el2n", "grand"], "1": ["entropy", "aum"]}


@pytest.mark.parametrize(("case", "tolerance"), cases("early"))
def test_early(case, tolerance, tmp_path, monkeypatch):
    """One batch is an epoch here: the schedule is asked for where each epoch begins, and for nothing else."""
    given, expected = case["input"], case["expected"]
    few = curate.open_dataset("digits").take(np.arange(20))
    for method in LOOKS[given["share"]]:
        asked = []
        monkeypatch.setattr(loop, "schedule", lambda name, asked=asked: lambda at: asked.append(at) or 1e-3)
        made = curate.score(
            few,
            method,
            models=1,
            options={"width": 1},
            hyperparameters={"n_epochs": given["n_epochs"], "batch_size": 20},
            output=tmp_path / method,
        )
        assert made.header.options["n_epochs"] == expected["epochs"]
        agree(list(dict.fromkeys(asked)), expected["fractions"], tolerance)


@pytest.mark.parametrize(("case", "tolerance"), cases("moving_average"))
def test_moving_average(case, tolerance, monkeypatch):
    """What ucb remembers of losses that are made up, at checkpoints that come every epoch."""
    given, expected = case["input"], case["expected"]
    losses = np.array(given["losses"], np.float32)
    n_epochs, n = losses.shape
    data = curate.open_dataset("digits").take(np.arange(n))
    monkeypatch.setattr(NetworkSight, "full_pass", lambda self, epoch: losses[epoch].copy())
    policy = Spy(make("ucb", alpha=float(given["alpha"])), looks=False)
    asked = {"keep": "1", "period": 1, "warm_up": str(given["warm_up"]), "observe": "evaluation"}
    session, _ = plan_session(policy.inner, "ucb", n, n_epochs, Asked(**asked))
    run(data, policy, session, replace(QUICK, n_epochs=n_epochs), width=1)
    start = given["warm_up"]
    assert policy.epochs == list(range(start, n_epochs))
    for kind in ("mean", "variance"):
        assert expected[kind][:start] == [None] * start
        got = np.array([plan.memory[f"loss_{kind}"] for plan in policy.plans])
        wanted = np.array(expected[kind][start:], float)  # NaN for a sample that was never observed
        np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
        agree(np.nan_to_num(got), np.nan_to_num(wanted), tolerance)


def means_and_spreads(values, expected, tolerance):
    values = np.asarray(values)
    agree(values.mean(0), expected["mean"], tolerance)
    if len(values) > 1:
        agree(values.std(0, ddof=1), expected["std"], tolerance)


@pytest.mark.parametrize(("case", "tolerance"), cases("el2n"))
def test_el2n(case, tolerance):
    labels = torch.tensor(case["input"]["labels"])
    norms = [error_norms(tensor(logits), labels).double().numpy() for logits in case["input"]["logits"]]
    means_and_spreads(norms, case["expected"], tolerance)


@pytest.mark.parametrize(("case", "tolerance"), cases("error_norm"))
def test_error_norm(case, tolerance):
    given = case["input"]
    agree(error_norms(tensor(given["logits"]), torch.tensor(given["labels"])), case["expected"], tolerance)


@pytest.mark.parametrize(("case", "tolerance"), cases("margin"))
def test_margin(case, tolerance):
    given = case["input"]
    agree(margins(tensor(given["logits"]), torch.tensor(given["labels"])), case["expected"], tolerance)


@pytest.mark.parametrize(("case", "tolerance"), cases("entropy"))
def test_entropy(case, tolerance):
    outcome = [entropies(tensor(logits)).double().numpy() for logits in case["input"]["logits"]]
    agree(np.mean(outcome, 0), case["expected"], tolerance)


def traced_logits(case, folder, of):
    """A trace of what `of` makes of the logits of every epoch, in half precision."""
    labels = torch.tensor(case["input"]["labels"])
    epochs = []
    for epoch in case["input"]["epochs"]:
        logits, own = tensor(epoch["logits"]), labels[torch.tensor(epoch["index"])]
        order = np.argsort(epoch["index"])
        values = {name: value.numpy()[order] for name, value in of(logits, own).items()}
        epochs.append(seen(np.array(epoch["index"])[order], **values))
    return traced(folder, len(labels), [epochs])


HALF = 2**-10  # a trace keeps half precision


@pytest.mark.parametrize(("case", "tolerance"), cases("aum"))
def test_aum(case, tolerance, tmp_path):
    trace = traced_logits(case, tmp_path, lambda logits, labels: {"margin": margins(logits, labels)})
    outcome = finder.make("scorers", "aum").from_trace(trace)[0]
    agree(outcome, case["expected"], max(tolerance, HALF))


@pytest.mark.parametrize(("case", "tolerance"), cases("mean_loss"))
def test_mean_loss(case, tolerance, tmp_path):
    def losses(logits, labels):
        return {"loss": nn.functional.cross_entropy(logits, labels, reduction="none")}

    outcome = finder.make("scorers", "mean-loss").from_trace(traced_logits(case, tmp_path, losses))[0]
    agree(outcome, case["expected"], max(tolerance, HALF))


def network(layers) -> Learner:
    """Linear layers with the weights given, ReLU between them."""
    parts = []
    for layer in layers:
        weight = tensor(layer["weight"])
        linear = nn.Linear(*reversed(weight.shape), bias=layer["bias"] is not None)
        linear.weight.data = weight
        if layer["bias"] is not None:
            linear.bias.data = tensor(layer["bias"])
        parts += [linear, nn.ReLU()]
    plain = Normalization([0.0], [1.0])
    return Learner(nn.Sequential(*parts[:-1]), "hand", {}, 1, [], (1, 1), plain, torch.device("cpu"))


@pytest.mark.parametrize(("case", "tolerance"), cases("grand"))
@pytest.mark.parametrize("layers", ["all", "last"])
def test_grand(case, tolerance, layers):
    given = case["input"]
    if layers == "last" and max(map(len, given["models"])) > 1:
        return  # more than the last layer has a part in what is expected
    scorer = finder.make("scorers", "grand", {"layers": layers})
    features, labels = tensor(given["features"]), torch.tensor(given["labels"])
    size = given["batch_size"]
    outcome = []
    for model in given["models"]:
        learner = network(model)
        batches = zip(features.split(size), labels.split(size), strict=True)
        parts = [scorer.of_batch(learner, *batch).detach() for batch in batches]
        outcome.append(torch.cat(parts).double().numpy())
    means_and_spreads(outcome, case["expected"], tolerance)


@pytest.mark.parametrize(("case", "tolerance"), cases("prototypicality"))
def test_prototypicality(case, tolerance):
    given = case["input"]
    vectors, centroids = (np.array(given[name], np.float32) for name in ("vectors", "centroids"))
    spherical = given["metric"] == "cosine"
    _, distance, _ = assign(lambda a, b: vectors[a:b], len(vectors), centroids, spherical)
    agree(distance, case["expected"], tolerance)


def embedded(given):
    """The vectors of a case, with the uids and labels that it says."""
    vectors = np.array(given["vectors"], np.float32)
    uids = np.array(given.get("uids", range(len(vectors))), np.uint64)
    labels = np.array(given["labels"]) if "labels" in given else None
    return Embedding(Path("x"), {}, *vectors.shape, uids, labels, None, lambda a, b: vectors[a:b])


@pytest.mark.parametrize(("case", "tolerance"), cases("class_distance"))
def test_class_distance(case, tolerance):
    outcome = finder.make("scorers", "class-distance").from_embedding(embedded(case["input"]), LOGGED)
    agree(outcome["class_distance"], case["expected"], tolerance)


@pytest.mark.parametrize(("case", "tolerance"), cases("semdedup"))
def test_semdedup(case, tolerance):
    given = case["input"]
    options = {"rule": "pairs", "k": 1, "max_cosine_distance": given["epsilon"]}
    group = finder.make("scorers", "duplicate", options).from_embedding(embedded(given), LOGGED)[
        "duplicate_group"
    ]
    assert (group == np.arange(len(group))).tolist() == case["expected"]["kept"]


@pytest.mark.parametrize(("case", "tolerance"), cases("duplicate"))
def test_duplicate(case, tolerance):
    given = case["input"]
    embedding = embedded(given)
    scorer = finder.make("scorers", "duplicate", {"max_cosine_distance": given["max_cosine_distance"]})
    outcome = scorer.from_embedding(embedding, LOGGED)
    assert outcome["duplicate_group"].tolist() == case["expected"]["group"]
    agree(outcome["duplicate"], case["expected"]["score"], tolerance)


@pytest.mark.parametrize(("case", "tolerance"), cases("budget"))
def test_budget(case, tolerance):
    assert count_to_keep(case["input"]["keep"], case["input"]["n"]) == case["expected"]


@pytest.mark.parametrize(("case", "tolerance"), cases("strategies"))
def test_strategies(case, tolerance, tmp_path):
    given = case["input"]
    columns = {name: list(values) for name, values in given["columns"].items()}
    table = score_table(tmp_path / "table.parquet", given["hard_is"], **columns)
    order = finder.make("strategies", given["strategy"], given["options"])(table, rng(0, "strategy"))
    assert order.tolist() == case["expected"]


@pytest.mark.parametrize(("case", "tolerance"), cases("stratified"))
@pytest.mark.parametrize("seed", [0, 1])
def test_stratified(case, tolerance, seed, tmp_path):
    given, expected = case["input"], case["expected"]
    table = score_table(
        tmp_path / "table.parquet", "high", value=given["value"], uid=given["uid"], aum=given["aum"]
    )
    options = {"cut": given["cut"], "bins": given["n_bins"]}
    order = finder.make("strategies", "stratified", options)(table, rng(seed, "strategy"))
    assert sorted(order.tolist()) == list(range(len(table)))
    assert order.tolist()[len(order) - len(expected["last"]) :] == expected["last"]
    for k, counts in zip(given["budgets"], expected["counts"], strict=True):
        bins = [expected["bin"][index] for index in order[:k] if expected["bin"][index] is not None]
        assert np.bincount(bins, minlength=given["n_bins"]).tolist() == counts


@pytest.mark.parametrize(("case", "tolerance"), cases("class_floor"))
def test_class_floor(case, tolerance):
    given, expected = case["input"], case["expected"]
    labels = np.array(given["labels"])
    order = np.array(given["order"])
    for k, count, minimums in zip(given["k"], expected["count"], expected["minimums"], strict=True):
        kept = first_with_class_floor(order, labels, given["share"], k)
        assert len(set(kept.tolist())) == count
        assert (np.bincount(labels[kept], minlength=len(minimums)) >= minimums).all()

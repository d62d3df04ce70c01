"""Rows of results, to be changed as a test needs it: a single one, and trials of methods and controls."""

import json
from dataclasses import replace

from curate.artifacts.results import Outcome, add_results

ROW = Outcome(
    key="k",
    name="random",
    varied="{}",
    command="train",
    settings="{}",
    dataset="digits",
    fingerprint="f",
    test_fingerprint="t",
    model="basic-cnn",
    manifest="digits-random",
    manifest_sha256="m",
    seed=3,
    n=1443,
    n_selected_per_epoch=433.0,
    n_epochs=2,
    accuracy=0.9,
    worst_class=0.5,
    test_loss=0.25,
    accuracy_per_epoch=[0.5, 0.9],
    samples_seen=866,
    scoring_samples_seen=0,
    scoring_seconds=None,
    select_seconds=0.5,
    train_seconds=2.5,
    evaluate_seconds=0.25,
    times_selected=[1, 2, 3],
    weights_sha256="w",
    device="cpu",
    machine="a processor, 2 cores",
    n_threads=1,
    versions="{}",
)

SEEDS = (0, 1, 2)


def add_seeds(path, seeds):
    """Add a row for each seed, one at a time; what a process of its own can be told to do."""
    for seed in seeds:
        add_results(path, [replace(ROW, key=str(seed), seed=seed)])


def settings(policy, **session):
    return json.dumps({"policy": policy, "session": session, "hyperparameters": {"n_epochs": 20}})


def rows(name, accuracies, policy="ucb", keep="0.3", seconds=None, varied=None, **session):
    """Trials of a method; accuracies in %, one for each seed.

    Training on everything takes 100 seconds, on a share that share of them; the rest of `seconds` goes into
    selecting.
    """
    train_seconds = 100 * float(keep or 1)
    kept = {} if keep is None else {"keep": keep}
    return [
        replace(
            ROW,
            key=f"{name}{keep}{seed}",
            name=name,
            varied=json.dumps({**kept, **(varied or {})}),
            settings=settings(policy, **session, **kept),
            seed=seed,
            accuracy=accuracy / 100,
            n=1000,
            n_selected_per_epoch=1000 * float(keep or 1),
            scoring_seconds=0.0,
            samples_seen=int(20_000 * float(keep or 1)),
            select_seconds=0.0 if seconds is None else seconds - train_seconds,
            train_seconds=train_seconds,
        )
        for seed, accuracy in zip(SEEDS, accuracies, strict=False)
    ]


FULL = rows("full", [95, 95.2, 95.1], "full", None, seconds=100.0)
RANDOM = rows("random", [90.0, 90.2, 90.1], "random")
LITTLE = rows("random", [80.0, 80.2, 80.1], "random", "0.1", seconds=10.0)

"""Policies by budget: accuracy after the last epoch, and the time that selecting and training take.

    python benchmarks/policies.py --data MNIST
    python benchmarks/policies.py --data CIFAR10 --model basic-cnn --name policies_cifar10 --keeps 0.1 0.3
    python benchmarks/policies.py --data MNIST+noise=0.1 --name policies_noise --keeps 0.3 --only NAMES
    python benchmarks/policies.py --data CIFAR10 --model resnet18 --epochs 200 --period 10 --trials 2 \\
        --jobs 1 --threads 0 --name policies_gpu

Trial t draws, clusters and trains with seed t, on the same sequence of seeds for every row. On a CPU, two
runs go side by side with one thread each, and times are seconds of the processor that a run used; with one
job they are seconds of the clock. Every finished run is a line in results/NAME.jsonl, so the script goes on
where it was stopped. The scores behind the static rows are distances to the centroids of k-means on a PCA;
making them is timed apart.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from common import RESULTS, machine


@dataclass(frozen=True)
class Row:
    """How a row of the table trains: its policy, and what it is asked for beside keep and period."""

    policy: str
    options: dict[str, Any]
    asked: dict[str, Any]
    by_keep: bool = True


def row(policy: str, by_keep: bool = True, options: dict[str, Any] | None = None, **asked: Any) -> Row:
    return Row(policy, options or {}, asked, by_keep)


ROWS = {
    "full": row("full", by_keep=False),
    "infobatch": row("infobatch", by_keep=False),
    "early_stop": row("early-stop"),
    "static random": row("recorded"),
    "static furthest": row("recorded"),
    "random": row("random"),
    "random_partition": row("random-partition"),
    "uncertainty": row("uncertainty"),
    "ema": row("ema"),
    "ema, observing training": row("ema", observe="training"),
    "epsilon_greedy": row("epsilon-greedy"),
    "ucb": row("ucb"),
    "static_epsilon": row("static-epsilon"),
    "static_ucb": row("static-ucb"),
    "always_random": row("always-random"),
}
TRUST = {
    f"{name}, trust": replace(ROWS[name], asked={**ROWS[name].asked, "trust": 0.9})
    for name in ("full", "random", "uncertainty", "ema, observing training", "epsilon_greedy", "ucb")
}
EARLIER = 1000  # the seed of the session whose always group always_random keeps
_lab: dict[str, Any] = {}


def main() -> None:
    arguments = _arguments()
    rows = {name: found for name, found in {**ROWS, **TRUST}.items() if name in arguments.only}
    lines = RESULTS / f"{arguments.name}.jsonl"
    done = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    finished = {(found["row"], found["keep"], found["trial"]) for found in done}
    keeps = {name: arguments.keeps if found.by_keep else [1.0] for name, found in rows.items()}
    wanted = [
        (name, keep, trial)
        for trial in range(arguments.trials)
        for name in rows
        for keep in keeps[name]
        if (name, keep, trial) not in finished
    ]
    if arguments.threads:
        os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    Path(arguments.work).mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(arguments.jobs, context, _open, (arguments,)) as pool,
        lines.open("a") as file,
    ):
        needed = sorted({keep for name, keep, _ in wanted if name == "always_random"})
        for future in [pool.submit(_earlier, keep) for keep in needed]:
            future.result()
        for future in [pool.submit(_run, *cell) for cell in wanted]:
            found = future.result()
            done.append(found)
            file.write(json.dumps(found) + "\n")
            file.flush()
            print(found, file=sys.stderr)
    (RESULTS / f"{arguments.name}.md").write_text(_page(done, rows, arguments))
    print(_page(done, rows, arguments))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="any dataset reference")
    parser.add_argument("--model", default="lenet5")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--period", type=int, default=1)
    parser.add_argument("--keeps", type=float, nargs="+", default=[0.1, 0.2, 0.3, 0.5])
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument(
        "--only", nargs="+", default=list(ROWS), help="rows; by default all but those of --trust"
    )
    parser.add_argument("--clusters", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side")
    parser.add_argument("--threads", type=int, default=1, help="of each; 0 for all")
    parser.add_argument("--name", default="policies", help="of the results")
    parser.add_argument("--work", default="/tmp/curate-policies", help="folder for artifacts")
    return parser.parse_args()


def _open(arguments: argparse.Namespace) -> None:
    """Runs once in each worker: the data on the device, cut once."""
    import curate
    from curate import learner as learners
    from curate.training.batches import Batches

    _lab["arguments"], _lab["work"] = arguments, Path(arguments.work) / arguments.name
    _lab["work"].mkdir(exist_ok=True)
    _lab["train"] = curate.open_dataset(arguments.data, curate.Options(split="train"))
    _lab["test"] = curate.open_dataset(arguments.data, curate.Options(split="test"))
    _lab["device"] = learners.choose_device(None)
    first = learners.build(arguments.model, {}, _lab["train"], 0, _lab["device"])
    _lab["normalization"] = first.normalization
    _lab["batches"], _lab["test_batches"] = Batches(_lab["train"], first), Batches(_lab["test"], first)
    path = _lab["work"] / f"pca-{os.getpid()}.safetensors"
    _lab["embedding"] = curate.embed(_lab["train"], method="pca", dim=50, output=path, force=True)
    _one_run("full", 1.0, 0, n_epochs=1)  # so that the first run is timed like the others


def _earlier(keep: float) -> None:
    """The session on which always_random builds."""
    import curate

    folder = _lab["work"] / f"ucb-{keep}"
    if not folder.exists():
        arguments = _lab["arguments"]
        curate.train(
            _lab["train"],
            arguments.model,
            policy="ucb",
            keep=keep,
            period=arguments.period,
            recipe={"n_epochs": arguments.epochs},
            test=_lab["test"],
            seed=EARLIER,
            output=folder,
        )


def _source(name: str, keep: float, trial: int) -> dict[str, str]:
    """The option that says what a row builds on: a static selection, scores, or an earlier session."""
    import curate

    if name == "always_random":
        return {"manifest": str(_lab["work"] / f"ucb-{keep}")}
    if not name.startswith("static"):
        return {}
    if _lab.get("trial") != trial:
        path = _lab["work"] / f"clusters-{trial}-{os.getpid()}.parquet"
        _lab["table"] = curate.cluster(
            _lab["embedding"], _lab["arguments"].clusters, seed=trial, output=path, force=True
        )
        _lab["trial"] = trial
    if name in ("static_epsilon", "static_ucb"):
        return {"scores": str(_lab["table"].path)}
    folder = _lab["work"] / f"{name.replace(' ', '-')}-{keep}-{os.getpid()}"
    strategy = name.removeprefix("static ")
    curate.select(_lab["table"], strategy, keep=keep, seed=trial, output=folder, force=True)
    return {"manifest": str(folder)}


def _run(name: str, keep: float, trial: int) -> dict:
    """One training run: trial `trial` of a cell of the table."""
    return {
        "row": name,
        "keep": keep,
        "trial": trial,
        **_one_run(name, keep, trial, _lab["arguments"].epochs),
    }


def _one_run(name: str, keep: float, trial: int, n_epochs: int) -> dict:
    import numpy as np

    from curate import finder
    from curate import learner as learners
    from curate.session import Asked, plan_session
    from curate.training.evaluate import evaluate
    from curate.training.loop import fit
    from curate.verbs.train import recipe_for

    arguments, row = _lab["arguments"], {**ROWS, **TRUST}[name]
    data = _lab["train"]
    policy = finder.make("policies", row.policy, {**row.options, **_source(name, keep, trial)})
    recipe = recipe_for(arguments.model, {"n_epochs": n_epochs})
    period = None if policy.period or n_epochs < arguments.period else arguments.period
    asked = Asked(keep=keep if policy.budget != "own" else None, period=period, **row.asked)
    session, n_epochs = plan_session(policy, row.policy, len(data), n_epochs, asked)
    recipe = replace(recipe, n_epochs=n_epochs)
    learner = learners.build(arguments.model, {}, data, trial, _lab["device"], _lab["normalization"])
    available = np.arange(len(data))
    clock, processor = time.perf_counter(), time.process_time()
    select_seconds = samples_seen = 0.0
    for epoch in fit(learner, policy, _lab["batches"], available, recipe, trial, session=session):
        select_seconds += epoch.select_seconds
        samples_seen = epoch.samples_seen
    seconds, used = time.perf_counter() - clock, time.process_time() - processor
    test = evaluate(learner, _lab["test_batches"], len(data.classes))
    return {
        "accuracy": test.accuracy,
        "worst_class": test.worst_class,
        "samples_seen": samples_seen,
        "seconds": seconds,
        "processor_seconds": used,
        "select_seconds": select_seconds,
        "weights_sha256": learners.weights_sha256(learner),
    }


def _page(done: list[dict], rows: dict[str, Row], arguments: argparse.Namespace) -> str:
    """Accuracy, then time as a multiple of full training, each mean ± std (n)."""
    clock = "seconds" if arguments.jobs == 1 else "processor_seconds"
    cells: dict[tuple[str, float], dict[int, dict]] = {}
    for found in (one for one in done if one["trial"] < arguments.trials):
        cells.setdefault((found["row"], found["keep"]), {})[found["trial"]] = found
    full, chance = cells[("full", 1.0)], {keep: cells.get(("random", keep), {}) for keep in arguments.keeps}

    def table(cell: Any) -> list[str]:
        head = "| | " + " | ".join(f"keep {keep:g}" for keep in arguments.keeps) + " |"
        body = []
        for name, found in rows.items():
            keeps = arguments.keeps if found.by_keep else [1.0]
            texts = [cell(cells[(name, keep)], keep) for keep in keeps if (name, keep) in cells]
            body.append(
                f"| {name} | " + " | ".join(texts + [""] * (len(arguments.keeps) - len(texts))) + " |"
            )
        return [head, "|---|" + "---|" * len(arguments.keeps), *body]

    def accuracy(trials: dict[int, dict], _: float) -> str:
        return _spread([100 * trial["accuracy"] for trial in trials.values()], 2)

    def against_random(trials: dict[int, dict], keep: float) -> str:
        pairs = [
            100 * (trials[t]["accuracy"] - chance[keep][t]["accuracy"])
            for t in trials
            if t in chance.get(keep, {})
        ]
        return _difference(pairs) if pairs else ""

    def time_ratio(trials: dict[int, dict], _: float) -> str:
        return _spread([trials[t][clock] / full[t][clock] for t in trials if t in full], 3)

    seconds = _spread([trial[clock] for trial in full.values()], 1)
    return "\n".join(
        [
            f"# Policies: {_public(arguments.data)}, {arguments.model}, {arguments.epochs} epochs, "
            f"period {arguments.period}",
            "",
            "Test accuracy in % after the last epoch, mean ± std (n). full, and infobatch, have no keep.",
            "",
            *table(accuracy),
            "",
            "Difference to the policy random at the same keep, in percentage points, paired by seed: mean "
            "and 95% interval. Bold where the interval leaves out zero.",
            "",
            *table(against_random),
            "",
            f"Time of selecting and training, as a multiple of full ({seconds} s"
            f"{' of the processor' if clock == 'processor_seconds' else ''}), mean ± std (n). Making the "
            "scores of the static rows is not in it.",
            "",
            *table(time_ratio),
            "",
            f"`python benchmarks/policies.py {_command(arguments)}`",
            "",
            f"{machine()}; {_device()}, {arguments.jobs} runs side by side, "
            f"{arguments.threads or 'all'} threads each.",
            "",
        ]
    )


def _spread(values: list[float], digits: int) -> str:
    std = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.{digits}f} ± {std:.{digits}f} ({len(values)})"


def _difference(pairs: list[float]) -> str:
    from curate.statistics import paired_difference

    found = paired_difference(pairs, [0.0] * len(pairs))
    if found.low is None or found.high is None:
        return f"{found.mean:+.2f}"
    text = f"{found.mean:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"
    return f"**{text}**" if found.low > 0 or found.high < 0 else text


def _public(reference: str) -> str:
    """A reference without the place where it lies on this machine."""
    return Path(reference).name.upper().replace("NOISE", "noise") if "/" in reference else reference


def _command(arguments: argparse.Namespace) -> str:
    """The command that repeats the page: what differs from the defaults."""
    defaults = {
        "model": "lenet5",
        "epochs": 5,
        "period": 1,
        "keeps": [0.1, 0.2, 0.3, 0.5],
        "trials": 5,
        "only": list(ROWS),
        "clusters": 500,
        "jobs": 2,
        "threads": 1,
        "name": "policies",
    }
    words = [f"--data {_public(arguments.data)}"]
    for name, default in defaults.items():
        value = getattr(arguments, name)
        if value != default:
            said = (
                " ".join(f'"{v}"' if " " in str(v) else str(v) for v in value)
                if isinstance(value, list)
                else value
            )
            words.append(f"--{name} {said}")
    return " ".join(words)


def _device() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"


if __name__ == "__main__":
    main()

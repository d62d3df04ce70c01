"""Policies by budget: accuracy after the last epoch, and the time that selecting and training take.

    python benchmarks/policies.py --data MNIST
    python benchmarks/policies.py --data CIFAR10 --model basic-cnn --name policies_cifar10 --keeps 0.1 0.3
    python benchmarks/policies.py --data MNIST+noise=0.1 --name policies_noise --keeps 0.3 --only NAMES
    python benchmarks/policies.py --data CIFAR10 --model resnet18 --epochs 200 --period 10 --trials 2 \\
        --jobs 1 --threads 0 --name policies_gpu

Trial t draws, clusters and trains with seed t, on the same sequence of seeds for every row; lab.py says how
runs are timed. The scores behind the static rows are distances to the centroids of k-means on a PCA; making
them is not timed.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

from common import RESULTS
from lab import (
    Cell,
    Row,
    accuracies,
    by_cell,
    command,
    common_arguments,
    differences,
    footer,
    lab,
    one_run,
    open_lab,
    public,
    row,
    run_cells,
    times,
)

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


def main() -> None:
    arguments = _arguments()
    rows = {name: outcome for name, outcome in {**ROWS, **TRUST}.items() if name in arguments.only}
    cells = [
        (name, keep, trial)
        for trial in range(arguments.trials)
        for name, outcome in rows.items()
        for keep in (arguments.keeps if outcome.by_keep else [1.0])
    ]
    page = _page(run_cells(arguments, cells, _open, _run, _before), rows, arguments)
    (RESULTS / f"{arguments.name}.md").write_text(page)
    print(page)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    common_arguments(parser, "policies")
    parser.add_argument("--period", type=int, default=1)
    parser.add_argument("--keeps", type=float, nargs="+", default=[0.1, 0.2, 0.3, 0.5])
    parser.add_argument(
        "--only", nargs="+", default=list(ROWS), help="rows; by default all but those of --trust"
    )
    parser.add_argument("--clusters", type=int, default=500)
    return parser.parse_args()


def _open(arguments: argparse.Namespace) -> None:
    import curate

    open_lab(arguments)
    path = lab["work"] / f"pca-{os.getpid()}.safetensors"
    lab["embedding"] = curate.embed(lab["train"], method="pca", dim=50, output=path, force=True)


def _before(pool: ProcessPoolExecutor, wanted: list[Cell]) -> None:
    for future in [
        pool.submit(_earlier, keep) for keep in sorted({k for n, k, _ in wanted if n == "always_random"})
    ]:
        future.result()


def _earlier(keep: float) -> None:
    """The session on which always_random builds."""
    import curate

    folder = lab["work"] / f"ucb-{keep}"
    if not folder.exists():
        arguments = lab["arguments"]
        curate.train(
            lab["train"],
            arguments.model,
            policy="ucb",
            keep=keep,
            period=arguments.period,
            hyperparameters={"n_epochs": arguments.epochs},
            test=lab["test"],
            seed=EARLIER,
            output=folder,
        )


def _source(name: str, keep: float, trial: int) -> dict[str, str]:
    """The option that says what a row builds on: a static selection, scores, or an earlier session."""
    import curate

    if name == "always_random":
        return {"manifest": str(lab["work"] / f"ucb-{keep}")}
    if not name.startswith("static"):
        return {}
    if lab.get("trial") != trial:
        path = lab["work"] / f"clusters-{trial}-{os.getpid()}.parquet"
        lab["table"] = curate.cluster(
            lab["embedding"], lab["arguments"].clusters, seed=trial, output=path, force=True
        )
        lab["trial"] = trial
    if name in ("static_epsilon", "static_ucb"):
        return {"scores": str(lab["table"].path)}
    folder = lab["work"] / f"{name.replace(' ', '-')}-{keep}-{os.getpid()}"
    strategy = name.removeprefix("static ")
    curate.select(lab["table"], strategy, keep=keep, seed=trial, output=folder, force=True)
    return {"manifest": str(folder)}


def _run(name: str, keep: float, trial: int) -> dict:
    """One training run: trial `trial` of a cell of the table."""
    arguments = lab["arguments"]
    outcome = {**ROWS, **TRUST}[name]
    source = _source(name, keep, trial)
    done = one_run(outcome, keep, trial, source, arguments.epochs, arguments.period)
    return {"row": name, "keep": keep, "trial": trial, **done}


def _page(done: list[dict], rows: dict[str, Row], arguments: argparse.Namespace) -> str:
    """Accuracy, then time as a multiple of full training, each mean ± std (n)."""
    cells = by_cell(done, arguments.trials)
    about = "Making the scores of the static rows is not in it."
    return "\n".join(
        [
            f"# Policies: {public(arguments.data)}, {arguments.model}, {arguments.epochs} epochs, "
            f"period {arguments.period}",
            "",
            "Test accuracy in % after the last epoch, mean ± std (n). full, and infobatch, have no keep.",
            "",
            *accuracies(cells, rows, arguments.keeps),
            "",
            *differences(cells, rows, arguments.keeps, "the policy random"),
            "",
            *times(cells, rows, arguments.keeps, arguments.jobs, about),
            "",
            f"`python benchmarks/policies.py {command(arguments, _DEFAULTS)}`",
            "",
            footer(arguments),
            "",
        ]
    )


_DEFAULTS = {
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


if __name__ == "__main__":
    main()

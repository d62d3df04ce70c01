"""The table of the MNIST pruning experiment: strategies by budget, LeNet-5, PCA-50, k = 500.

    python benchmarks/mnist_table.py --data DATA/mnist --schedule constant
    python benchmarks/mnist_table.py --data DATA/mnist --schedule cosine

The published experiment has a constant rate; cosine is LeNet-5's own schedule here.
Trial t clusters, selects and trains with seed t. Runs go at the same time in two processes of one thread
each; every finished run is a line in results/mnist_table_SCHEDULE.jsonl, so the script continues where it was
stopped. The table goes to results/mnist_table_SCHEDULE.md. 5 epochs, batch 64, Adam 1e-3.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
BUDGETS = (600, 1_200, 3_000, 6_000, 30_000)
STRATEGIES = {  # name in the table: strategy and its options
    "random": ("random", {}),
    "furthest": ("furthest", {}),
    "closest": ("closest", {}),
    "random in cluster": ("random", {"within": "cluster"}),
    "hybrid": ("hybrid", {}),
}
_data = {}


def main() -> None:
    arguments = _arguments()
    lines = RESULTS / f"mnist_table_{arguments.schedule}.jsonl"
    done = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    finished = {(row["strategy"], row["budget"], row["trial"]) for row in done}
    cells = [(name, budget) for budget in reversed(BUDGETS) for name in STRATEGIES] + [("full", 60_000)]
    wanted = [
        (name, budget, trial)
        for trial in range(arguments.trials)
        for name, budget in cells
        if (name, budget, trial) not in finished
    ]
    os.environ["OMP_NUM_THREADS"] = "1"
    work = Path(arguments.work)
    work.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(2, context, _open, (arguments.data, work, arguments.schedule)) as pool,
        lines.open("a") as file,
    ):
        for future in [pool.submit(_run, *cell) for cell in wanted]:
            row = future.result()
            done.append(row)
            file.write(json.dumps(row) + "\n")
            file.flush()
            print(row, file=sys.stderr)
    (RESULTS / f"mnist_table_{arguments.schedule}.md").write_text(_table(done, arguments))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="MNIST: any dataset reference")
    parser.add_argument("--schedule", default="constant", help="of the learning rate: constant or cosine")
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--work", default="/tmp/curate-mnist-table", help="folder for artifacts")
    return parser.parse_args()


def _open(data: str, work: Path, schedule: str) -> None:
    """Runs once in each worker: the data, and an embedding of its own."""
    import curate

    _data["work"], _data["schedule"] = work, schedule
    _data["train"] = curate.open_dataset(data, curate.Options(split="train"))
    _data["test"] = curate.open_dataset(data, curate.Options(split="test"))
    path = work / f"pca-{os.getpid()}.safetensors"
    _data["embedding"] = curate.embed(_data["train"], method="pca", dim=50, output=path, force=True)


def _run(name: str, budget: int, trial: int) -> dict:
    """One training run: trial `trial` of a cell of the table."""
    import curate

    strategy, options = STRATEGIES.get(name, ("random", {}))
    table_path = _data["work"] / f"k500-seed{trial}-{os.getpid()}.parquet"
    if _data.get("seed") != trial:
        _data["table"] = curate.cluster(_data["embedding"], 500, seed=trial, output=table_path, force=True)
        _data["seed"] = trial
    folder = _data["work"] / f"{name.replace(' ', '-')}-{budget}-{trial}"
    manifest = curate.select(
        _data["table"], strategy, keep=budget, options=options, seed=trial, output=folder, force=True
    )
    outcome = curate.replay(
        manifest,
        _data["train"],
        test=_data["test"],
        model="lenet5",
        trials=1,
        seed=trial,
        hyperparameters={"schedule": _data["schedule"]},
    )
    run = outcome.runs[0].trials[0]
    return {
        "strategy": name,
        "budget": budget,
        "trial": trial,
        "accuracy": run.accuracy,
        "worst_class": run.worst_class,
        "samples_seen": run.samples_seen,
        "weights_sha256": run.weights_sha256,
    }


def _table(rows: list[dict], arguments: argparse.Namespace) -> str:
    """Median and mean ± std (n) of the test accuracy in percent."""
    import torch

    import curate.artifacts.header

    def cell(name: str, budget: int) -> str:
        values = [100 * row["accuracy"] for row in rows if (row["strategy"], row["budget"]) == (name, budget)]
        std = statistics.stdev(values)
        return (
            f"**{statistics.median(values):.2f}** {statistics.mean(values):.2f} ± {std:.2f} ({len(values)})"
        )

    head = "| samples | " + " | ".join(STRATEGIES) + " |\n|---|" + "---|" * len(STRATEGIES)
    body = [
        f"| {budget:,} | " + " | ".join(cell(name, budget) for name in STRATEGIES) + " |"
        for budget in BUDGETS
    ]
    versions = ", ".join(f"{name} {version}" for name, version in curate.artifacts.header.versions().items())
    threads = torch.get_num_threads()
    return "\n".join(
        [
            f"# MNIST, LeNet-5, PCA-50, k = 500, {arguments.schedule} rate: test accuracy in %",
            "",
            "**Median**, mean ± std (n); last epoch. In trial t everything has seed t.",
            "",
            head,
            *body,
            f"| 60,000 | {cell('full', 60_000)}" + " |" * len(STRATEGIES),
            "",
            f"`python benchmarks/mnist_table.py --data MNIST --schedule {arguments.schedule}`; {versions}; "
            f"CPU, {threads} thread per run, 2 runs at the same time.",
            "",
        ]
    )


if __name__ == "__main__":
    main()

"""What scoring costs: a trace beside training, K models together, and cutting another budget.

    python benchmarks/scoring_speed.py --data MNIST

Ratios are of runs in turn in one process with one thread (`--threads`), in seconds of the processor on a CPU,
but for models at once on all cores and for whole commands, which are timed by the clock.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import RESULTS, ratio, spread, write

N = 1_281_167  # training images of ImageNet
MODELS = 10
PARTS = ("trace", "together", "cores", "commands", "select")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", default="lenet5", help="of the trace")
    parser.add_argument("-n", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--parts", nargs="+", default=list(PARTS), choices=PARTS, help="measure only these anew"
    )
    parser.add_argument("--name", default="scoring_speed")
    arguments = parser.parse_args()
    import torch

    n_cores = torch.get_num_threads()
    torch.set_num_threads(arguments.threads)
    name = Path(arguments.data).name.upper()
    earlier = RESULTS / f"{arguments.name}.json"
    whole = set(arguments.parts) == set(PARTS)
    raw: dict[str, dict[str, list[float]]] = {} if whole else json.loads(earlier.read_text())
    if "trace" in arguments.parts:
        raw["trace"] = in_turn(trace_ways(arguments.data, arguments.model), arguments.n)
    together = [
        ("digits", "basic-cnn", 1.0),
        ("digits", "lenet5", 1.0),
        (arguments.data, "lenet5", 0.1),
        (arguments.data, "basic-cnn", 0.02),
    ]
    for data, model, share in together if "together" in arguments.parts else []:
        called = f"{data if data == 'digits' else name}, {model}"
        raw[called] = in_turn(model_ways(data, model, share, "side by side"), max(2, arguments.n // 2))
    cores = "cores" in arguments.parts and not torch.cuda.is_available()
    for data, model, share in together if cores else []:
        called = f"{data if data == 'digits' else name}, {model}, cores"
        torch.set_num_threads(n_cores)
        ways = model_ways(data, model, share, "at once")
        raw[called] = in_turn(ways, arguments.n, clock=time.perf_counter)
        torch.set_num_threads(arguments.threads)
    commands = {"digits": "digits", name: f"{arguments.data}+per-class=500"}
    for called, reference in commands.items() if "commands" in arguments.parts else []:
        raw[f"{called}, commands"] = in_turn(command_ways(reference), 2, clock=time.perf_counter)
    if "select" in arguments.parts:
        raw["select"] = in_turn(select_ways(), arguments.n)
    trace, select = raw["trace"], raw["select"]
    lines = [
        "# What scoring costs",
        "",
        f"A training run on {name} ({arguments.model}, 1 epoch) with a trace takes "
        f"{ratio(trace['trace'], trace['plain'])} of one without, {spread(trace['plain'], 1)} s.",
        "",
        f"{MODELS} models trained side by side, as one batched computation, against one by one:",
        "",
        *_table(raw, "side by side"),
        "",
        *_at_once(raw, n_cores),
        f"EL2N with {MODELS} models by one command against {MODELS} commands with one model each:",
        "",
        "| data | one / ten commands |",
        "|---|---|",
        *(
            f"| {key.removesuffix(', commands')} | {ratio(raw[key]['one'], raw[key]['ten'])} |"
            for key in raw
            if key.endswith(", commands")
        ),
        "",
        f"Selecting another budget from saved scores of {N:,} samples: {spread(select['select'])} s.",
        "",
        f"`python benchmarks/scoring_speed.py --data {name}"
        + (f" --model {arguments.model}`" if arguments.model != "lenet5" else "`"),
    ]
    write(arguments.name, lines, raw)


def _at_once(raw: dict[str, dict[str, list[float]]], n_cores: int) -> list[str]:
    """Only a CPU trains several models at once."""
    if not any("at once" in result for result in raw.values()):
        return []
    about = f"{MODELS} models trained at once with {n_cores} threads to share, against one by one with all:"
    return [about, "", *_table(raw, "at once"), ""]


def _table(raw: dict[str, dict[str, list[float]]], way: str) -> list[str]:
    """What training several models in a way takes of training them one by one."""
    lines = [f"| data, model | {way} / one by one |", "|---|---|"]
    for key, result in raw.items():
        if way in result:
            lines.append(f"| {key.removesuffix(', cores')} | {ratio(result[way], result['one by one'])} |")
    return lines


def clock_of_machine() -> Callable[[], float]:
    import torch

    return time.perf_counter if torch.cuda.is_available() else time.process_time


def in_turn(
    ways: dict[str, Callable[[], object]], n: int, clock: Callable[[], float] | None = None
) -> dict[str, list[float]]:
    """Seconds of `n` turns of every way, after one turn to warm up."""
    now = clock or clock_of_machine()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(-1, n):
        for name, way in ways.items():
            started = now()
            way()
            if turn >= 0:
                seconds[name].append(now() - started)
                print(name, turn, seconds[name][-1], file=sys.stderr)
    return seconds


def trace_ways(reference: str, model: str) -> dict[str, Callable[[], object]]:
    import curate
    from curate import finder
    from curate.networks import learner as learners
    from curate.scores.trace import write_part
    from curate.selection.session import Session
    from curate.training.batches import Batches
    from curate.training.loop import fit
    from curate.verbs.hyperparameters import hyperparameters_for

    data = curate.open_dataset(reference)
    device = learners.choose_device(None)
    first = learners.build(model, {}, data, 0, device)
    batches, short = Batches(data, first), hyperparameters_for(model, {"n_epochs": 1})

    def run(trace: bool) -> None:
        learner = learners.build(model, {}, data, 0, device, first.normalization)
        full, everything = finder.make("policies", "full"), np.arange(len(data))
        with tempfile.TemporaryDirectory() as folder:
            for epoch in fit(
                learner,
                full,
                batches,
                available=everything,
                hyperparameters=short,
                seed=0,
                session=Session(trace=trace),
            ):
                if epoch.seen is not None:
                    write_part(Path(folder) / "part.parquet", epoch.epoch, [epoch.seen])

    return {"plain": lambda: run(False), "trace": lambda: run(True)}


def model_ways(reference: str, model: str, share: float, way: str) -> dict[str, Callable[[], object]]:
    import curate
    from curate.networks import learner as learners
    from curate.training.at_once import how_many
    from curate.training.batches import Batches
    from curate.training.ensemble import fit_all
    from curate.verbs.hyperparameters import hyperparameters_for

    data = curate.open_dataset(reference)
    data = data.take(np.arange(int(share * len(data))))
    device = learners.choose_device(None)
    first = learners.build(model, {}, data, 0, device)
    batches, short = Batches(data, first), hyperparameters_for(model, {"n_epochs": 1})

    def run(side_by_side: bool, n_at_once: int) -> None:
        models = [
            learners.build(model, {}, data, seed, device, first.normalization) for seed in range(MODELS)
        ]
        asked = {"side_by_side": side_by_side, "n_at_once": n_at_once, "trace": False}
        for _ in fit_all(models, batches, hyperparameters=short, seeds=range(MODELS), n_epochs=1, **asked):
            pass

    together = {"side by side": (True, 1), "at once": (False, how_many(first, MODELS))}
    return {"one by one": lambda: run(False, 1), way: lambda: run(*together[way])}


def command_ways(reference: str) -> dict[str, Callable[[], object]]:
    model = "basic-cnn" if reference == "digits" else "lenet5"

    def run(n_models: int, seeds: range) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for seed in seeds:
                words = ["score", reference, "--method", "el2n", "--model", model, "--epochs", "2"]
                words += ["--models", n_models, "--seed", seed, "-o", f"{folder}/{seed}.parquet"]
                subprocess.run(
                    [sys.executable, "-m", "curate", *map(str, words)], check=True, capture_output=True
                )

    return {"one": lambda: run(MODELS, range(1)), "ten": lambda: run(1, range(MODELS))}


def select_ways() -> dict[str, Callable[[], object]]:
    import curate
    from curate.artifacts.header import DatasetReference, RankingColumn, make_header
    from curate.artifacts.tables import write_table

    chance = np.random.default_rng(0)
    folder = Path(tempfile.mkdtemp())
    classes = [str(number) for number in range(1000)]
    dataset = DatasetReference("x", "train", N, classes, "0" * 64)
    ranking = {"el2n": RankingColumn("high")}
    header = make_header("scores", "score", {}, seed=0, dataset=dataset, columns=ranking)
    columns = {
        "index": np.arange(N),
        "uid": chance.integers(0, 2**63, N).astype(np.uint64),
        "label": chance.integers(0, 1000, N),
        "el2n": chance.random(N),
    }
    write_table(folder / "scores.parquet", header, columns)

    def run() -> None:
        curate.select(folder / "scores.parquet", "top", keep=0.3, output=folder / "kept", force=True)

    return {"select": run}


if __name__ == "__main__":
    main()

"""Training runs for the tables: a row of a table trained at a budget, many of them at the same time.

Trial t draws and trains with seed t, in the laboratory of `replay`. On a CPU, two runs go at the same
time with one thread each, and times are seconds of the processor that a run used, making its network
included; with one job they are seconds of the clock. Every finished run is a line in results/NAME.jsonl,
so a script goes on where it was stopped.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from common import RESULTS, machine, spread

Cell = tuple[str, float, int]  # row, keep, trial
Cells = dict[tuple[str, float], dict[int, dict]]  # what each trial of a row at a keep found
lab: dict[str, Any] = {}


@dataclass(frozen=True)
class Row:
    """How a row of the table trains: its policy, and what it is asked for beside keep and period."""

    policy: str
    options: dict[str, Any]
    asked: dict[str, Any]
    by_keep: bool = True


def row(policy: str, by_keep: bool = True, options: dict[str, Any] | None = None, **asked: Any) -> Row:
    return Row(policy, options or {}, asked, by_keep)


def common_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """The options that every table has."""
    parser.add_argument("--data", required=True, help="any dataset reference")
    parser.add_argument("--model", default="lenet5")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time")
    parser.add_argument("--threads", type=int, default=1, help="of each; 0 for all")
    parser.add_argument("--name", default=name, help="of the results")
    parser.add_argument("--work", default=f"/tmp/curate-{name}", help="folder for artifacts")


def known(arguments: argparse.Namespace) -> list[dict]:
    """What results/NAME.jsonl has of earlier runs."""
    lines = RESULTS / f"{arguments.name}.jsonl"
    return [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []


def run_cells(
    arguments: argparse.Namespace,
    cells: Iterable[Cell],
    opened: Callable[[argparse.Namespace], None],
    run: Callable[[str, float, int], dict],
    before: Callable[[ProcessPoolExecutor, list[Cell]], None] | None = None,
) -> list[dict]:
    """Run all cells that are not in results/NAME.jsonl yet; what is known of all of them.

    `opened` runs once in each worker, `before` once before the first cell.
    """
    lines, done = RESULTS / f"{arguments.name}.jsonl", known(arguments)
    finished = {(outcome["row"], outcome["keep"], outcome["trial"]) for outcome in done}
    wanted = [cell for cell in cells if cell not in finished]
    if arguments.threads:
        os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    Path(arguments.work).mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(arguments.jobs, context, opened, (arguments,)) as pool,
        lines.open("a") as file,
    ):
        if before:
            before(pool, wanted)
        for future in [pool.submit(run, *cell) for cell in wanted]:
            outcome = future.result()
            done.append(outcome)
            file.write(json.dumps(outcome) + "\n")
            file.flush()
            print(outcome, file=sys.stderr)
    return done


def open_lab(arguments: argparse.Namespace) -> None:
    """A laboratory with the data on the device; run it in each worker."""
    import numpy as np

    import curate
    from curate.networks.learner import choose_device
    from curate.training.trials import Laboratory, Setting
    from curate.verbs.train import hyperparameters_for, on_device

    lab["arguments"], lab["work"] = arguments, Path(arguments.work) / arguments.name
    lab["work"].mkdir(exist_ok=True)
    lab["train"] = curate.open_dataset(arguments.data, curate.Options(split="train"))
    lab["test"] = curate.open_dataset(arguments.data, curate.Options(split="test"))
    hyperparameters = hyperparameters_for(arguments.model, {"n_epochs": arguments.epochs})
    setting = Setting(
        data=lab["train"],
        test=lab["test"],
        model=arguments.model,
        options={},
        hyperparameters=on_device(hyperparameters, arguments.model, choose_device(None)),
        device=str(choose_device(None)),
        available=np.arange(len(lab["train"])),
    )
    lab["laboratory"] = Laboratory(setting)


def one_run(
    row: Row, keep: float, trial: int, source: dict[str, str], n_epochs: int, period: int = 1
) -> dict:
    """One training run of a row; `source` is the option that says what its policy builds on."""
    from curate import finder
    from curate.networks.learner import weights_sha256
    from curate.selection.session import Asked, plan_session
    from curate.training.trials import Wanted
    from curate.verbs.train import hyperparameters_for

    policy = finder.make("policies", row.policy, {**row.options, **source})
    every = None if policy.period or n_epochs < period else period
    asked = Asked(keep=keep if policy.sizing != "own" else None, period=every, **row.asked)
    session, n_epochs = plan_session(policy, row.policy, len(lab["train"]), n_epochs, asked)
    hyperparameters = hyperparameters_for(lab["arguments"].model, {"n_epochs": n_epochs})
    wanted = Wanted(row.policy, policy, trial, session, hyperparameters)
    clock, processor = time.perf_counter(), time.process_time()
    trained = lab["laboratory"].train(wanted)
    seconds, used = time.perf_counter() - clock, time.process_time() - processor
    test = lab["laboratory"].test(trained.learner)
    return {
        "accuracy": test.accuracy,
        "worst_class": test.worst_class,
        "samples_seen": trained.samples_seen,
        "seconds": seconds,
        "processor_seconds": used,
        "select_seconds": trained.select_seconds,
        "changes": [round(change, 4) for change in trained.changes],
        "weights_sha256": weights_sha256(trained.learner),
    }


def by_cell(done: list[dict], trials: int) -> Cells:
    """Runs by row and keep, and by trial."""
    cells: Cells = {}
    for outcome in (one for one in done if one["trial"] < trials):
        cells.setdefault((outcome["row"], outcome["keep"]), {})[outcome["trial"]] = outcome
    return cells


def table(
    cells: Cells, rows: dict[str, Row], keeps: list[float], text: Callable[[str, float], str]
) -> list[str]:
    """A table of rows by keep; `text` gives a cell, where there is one."""
    lines = ["| | " + " | ".join(f"keep {keep:g}" for keep in keeps) + " |", "|---|" + "---|" * len(keeps)]
    for name, outcome in rows.items():
        wanted = keeps if outcome.by_keep else [1.0]
        texts = [text(name, keep) if (name, keep) in cells else "" for keep in wanted]
        lines.append(f"| {name} | " + " | ".join(texts + [""] * (len(keeps) - len(texts))) + " |")
    return lines


def accuracies(cells: Cells, rows: dict[str, Row], keeps: list[float]) -> list[str]:
    """Test accuracy in %, mean ± std (n)."""

    def text(name: str, keep: float) -> str:
        return spread([100 * trial["accuracy"] for trial in cells[(name, keep)].values()])

    return table(cells, rows, keeps, text)


def differences(
    cells: Cells, rows: dict[str, Row], keeps: list[float], called: str, control: str = "random"
) -> list[str]:
    """Accuracy minus that of the row `control`, paired by trial."""

    def text(name: str, keep: float) -> str:
        trials, chance = cells[(name, keep)], cells.get((control, keep), {})
        pairs = [100 * (trials[t]["accuracy"] - chance[t]["accuracy"]) for t in trials if t in chance]
        return difference(pairs) if pairs else ""

    about = f"Difference to {called} at the same keep, in percentage points, paired by seed: mean and 95% "
    return [
        about + "interval. Bold where the interval leaves out zero.",
        "",
        *table(cells, rows, keeps, text),
    ]


def times(
    cells: Cells,
    rows: dict[str, Row],
    keeps: list[float],
    jobs: int,
    about: str,
    more: Mapping[str, float] = MappingProxyType({}),
) -> list[str]:
    """Time as a multiple of full training, paired by trial; `more` is added to each time of a row."""
    clock = "seconds" if jobs == 1 else "processor_seconds"
    full = cells[("full", 1.0)]

    def text(name: str, keep: float) -> str:
        trials = cells[(name, keep)]
        extra = more.get(name, 0.0)
        return spread([trials[t][clock] / full[t][clock] + extra for t in trials if t in full], 3)

    seconds = spread([trial[clock] for trial in full.values()], 1)
    unit = " s" if jobs == 1 else " s of the processor"
    head = f"Time of selecting and training, as a multiple of full ({seconds}{unit}), mean ± std (n). {about}"
    return [head, "", *table(cells, rows, keeps, text)]


def command(arguments: argparse.Namespace, defaults: dict[str, Any]) -> str:
    """The options that repeat a page: those that differ from the defaults."""
    words = [f"--data {public(arguments.data)}"]
    for name, default in defaults.items():
        value = getattr(arguments, name)
        if value != default:
            several = value if isinstance(value, list) else [value]
            words.append(" ".join([f"--{name}", *(f'"{v}"' if " " in str(v) else str(v) for v in several)]))
    return " ".join(words)


def footer(arguments: argparse.Namespace) -> str:
    """The machine, and how its runs were laid out."""
    threads = arguments.threads or "all"
    return f"{machine()}; {device()}, {arguments.jobs} runs at the same time, {threads} threads each."


def difference(pairs: list[float]) -> str:
    from curate.statistics import paired_difference

    outcome = paired_difference(pairs, [0.0] * len(pairs))
    if outcome.low is None or outcome.high is None:
        return f"{outcome.mean:+.2f}"
    text = f"{outcome.mean:+.2f} [{outcome.low:+.2f}, {outcome.high:+.2f}]"
    return f"**{text}**" if outcome.low > 0 or outcome.high < 0 else text


def public(reference: str) -> str:
    """A reference without the place where it lies on this machine."""
    if "/" not in reference:
        return reference
    name, plus, variant = Path(reference).name.partition("+")
    return name.upper() + plus + variant


def device() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"

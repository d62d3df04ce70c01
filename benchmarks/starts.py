"""How policies start: accuracy by warm-up, class floor, memory and source of losses, beside random draws.

    python benchmarks/starts.py --data MNIST+per-class=1500 --epochs 20
    python benchmarks/starts.py --data CIFAR10 --model resnet8 --epochs 40 --period 2 --jobs 1 --threads 0 \\
        --name starts_cifar10

Losses are those of evaluation passes where nothing else is said; the default of curate is `10%, losses of
training`. Trial t draws and trains with seed t in every row. `changed` is the share of its selection that a
policy changes from one of its decisions to the next, the mean over the second half of the run: 1 − keep where
chance decides, near 1 where classes take turns.
"""

import argparse
import statistics

from common import RESULTS, spread
from lab import (
    Cells,
    accuracies,
    by_cell,
    command,
    common_arguments,
    differences,
    footer,
    known,
    one_run,
    open_lab,
    public,
    row,
    run_cells,
    table,
)

POLICIES = ("ucb", "ema", "epsilon-greedy")
STARTS = {"as published": "0", "one period": "0.0001", "10%": "0.1", "25%": "0.25"}
EVALUATION, TRAINING = {"observe": "evaluation"}, {"observe": "training"}
ROWS = {
    "random": row("random"),
    **{
        f"{policy}, {start}": row(policy, warm_up=warm_up, **EVALUATION)
        for start, warm_up in STARTS.items()
        for policy in POLICIES
    },
    **{
        f"{policy}, {called}": row(policy, warm_up=warm_up, class_floor=floor, **observe)
        for called, warm_up, floor, observe in (
            ("10%, floor 0.5", "0.1", 0.5, EVALUATION),
            ("floor 0.5", "0", 0.5, EVALUATION),
            ("10%, floor 1", "0.1", 1.0, EVALUATION),
            ("10%, floor 1, losses of training", "0.1", 1.0, TRAINING),
        )
        for policy in POLICIES
    },
    **{
        f"{policy}, {start}, losses of training": row(policy, warm_up=warm_up, **TRAINING)
        for start, warm_up in (("no start", "0"), *list(STARTS.items())[1:])
        for policy in POLICIES
    },
    "ema, 10%, alpha 0.2": row("ema", options={"alpha": 0.2}, warm_up="0.1", **EVALUATION),
    "epsilon-greedy, 10%, epsilon 0.5": row(
        "epsilon-greedy", options={"epsilon": 0.5}, warm_up="0.1", **EVALUATION
    ),
    "ucb, 10%, confidence 10": row("ucb", options={"confidence": 10.0}, warm_up="0.1", **EVALUATION),
    "ucb, 10%, full": row("ucb", warm_up="0.1:full", **EVALUATION),
}


def main() -> None:
    arguments = _arguments()
    rows = {name: outcome for name, outcome in ROWS.items() if name in arguments.only}
    cells = [
        (name, keep, trial) for trial in range(arguments.trials) for keep in arguments.keeps for name in rows
    ]
    done = known(arguments) if arguments.page else run_cells(arguments, cells, open_lab, _run)
    page = _page(done, rows, arguments)
    (RESULTS / f"{arguments.name}.md").write_text(page)
    print(page)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    common_arguments(parser, "starts")
    parser.set_defaults(trials=3)
    parser.add_argument("--period", type=int, default=1)
    parser.add_argument("--keeps", type=float, nargs="+", default=[0.3, 0.2, 0.1])
    parser.add_argument("--only", nargs="+", default=list(ROWS), help="rows")
    parser.add_argument("--page", action="store_true", help="write the page of what was run so far")
    return parser.parse_args()


def _run(name: str, keep: float, trial: int) -> dict:
    """One training run: trial `trial` of a cell of the table."""
    from lab import lab

    arguments = lab["arguments"]
    done = one_run(ROWS[name], keep, trial, {}, arguments.epochs, arguments.period)
    return {"row": name, "keep": keep, "trial": trial, **done}


def _page(done: list[dict], rows: dict, arguments: argparse.Namespace) -> str:
    cells = by_cell(done, arguments.trials)
    keeps, rows = arguments.keeps, {name: outcome for name, outcome in rows.items() if _has(cells, name)}
    return "\n".join(
        [
            f"# How policies start: {public(arguments.data)}, {arguments.model}, {arguments.epochs} epochs, "
            f"period {arguments.period}",
            "",
            "Test accuracy in % after the last epoch, mean ± std (n).",
            "",
            *accuracies(cells, rows, keeps),
            "",
            *differences(cells, rows, keeps, "the policy random"),
            "",
            "Accuracy of the worst class in %, mean ± std (n).",
            "",
            *table(cells, rows, keeps, lambda name, keep: _worst(cells, name, keep)),
            "",
            "Changed from decision to decision, second half of the run, mean ± std (n).",
            "",
            *table(cells, rows, keeps, lambda name, keep: _changed(cells, name, keep)),
            "",
            f"`python benchmarks/starts.py {command(arguments, _DEFAULTS)}`",
            "",
            footer(arguments),
            "",
        ]
    )


def _has(cells: Cells, row: str) -> bool:
    return any(name == row for name, _ in cells)


def _worst(cells: Cells, name: str, keep: float) -> str:
    return spread([100 * trial["worst_class"] for trial in cells[(name, keep)].values()])


def _changed(cells: Cells, name: str, keep: float) -> str:
    changes = [trial["changes"] for trial in cells[(name, keep)].values()]
    return spread([statistics.mean(each[len(each) // 2 :]) for each in changes])


_DEFAULTS = {
    "model": "lenet5",
    "epochs": 5,
    "period": 1,
    "keeps": [0.3, 0.2, 0.1],
    "trials": 3,
    "only": list(ROWS),
    "jobs": 2,
    "threads": 1,
    "name": "starts",
}


if __name__ == "__main__":
    main()

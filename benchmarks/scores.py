"""Static strategies by budget: accuracy with scoring time in and out, and how stable each score is.

    python benchmarks/scores.py --data MNIST
    python benchmarks/scores.py --data CIFAR10 --name scores_cifar10

`--only` takes other rows too, with an option of the strategy, such as "aum, stratified, cut=0.1". Without
`full` among them, the page has no times.

Ten models of seeds 50 to 59 are trained for scoring. EL2N and GraNd are the mean over all ten; trial t takes
forgetting and AUM from the run of seed 50 + t, clusters with seed t, and trains with seed t. Stability is
over all pairs of the ten single-model scores, and the sheet of easy and hard images is by the mean AUM of all
ten. lab.py says how runs are timed.
"""

import argparse
import itertools
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import RESULTS
from lab import (
    Cell,
    Cells,
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
    spread,
    times,
)

N_MODELS, FIRST_SEED = 10, 50
METHODS = ["el2n", "grand", "entropy", "forgetting", "aum", "margin", "mean_loss"]
ROWS = {  # SCORE, STRATEGY: made on scores of this benchmark; else a policy
    "full": row("full", by_keep=False),
    "static random": row("recorded"),
    "el2n, top": row("recorded"),
    "el2n, window": row("recorded"),
    "el2n, moderate": row("recorded"),
    "el2n, bottom": row("recorded"),
    "forgetting, top": row("recorded"),
    "aum, stratified": row("recorded"),
    "prototypicality, top": row("recorded"),
    "random": row("random"),
    "epsilon_greedy": row("epsilon-greedy"),
}
CUTS = {0.5: 0.0, 0.2: 0.1, 0.0: 0.3}  # of CCS, from so much kept on: Zheng et al. 2023, table 7
MADE_OF = {"forgetting": 1, "aum": 1, "el2n": N_MODELS, "grand": N_MODELS, "prototypicality": 1}
N_COSTS = 3  # times that the cost of each of them is measured, with a full training beside


def main() -> None:
    arguments = _arguments()
    rows = {name: _row(name) for name in arguments.only}
    cells: list[Cell] = []
    if "full" in rows:
        cells += [("cost of " + name, 1.0, trial) for trial in range(N_COSTS) for name in ["full", *MADE_OF]]
    cells += [
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
    common_arguments(parser, "scores")
    parser.add_argument("--keeps", type=float, nargs="+", default=[0.01, 0.05, 0.1, 0.3, 0.5, 0.9])
    parser.add_argument("--only", nargs="+", default=list(ROWS))
    return parser.parse_args()


def _row(name: str) -> Row:
    return ROWS[name] if name in ROWS else row("recorded")


def _open(arguments: argparse.Namespace) -> None:
    open_lab(arguments)


def _scores_of(number: int) -> Path:
    """All scores by one model; kept for other pages of the same data, where they share a `--work`."""
    asked = lab["arguments"]
    name = f"{public(asked.data)}-{asked.model}-{asked.epochs}-{number}.parquet"
    return Path(asked.work) / name


def _before(pool: ProcessPoolExecutor, wanted: list[Cell]) -> None:
    if wanted:
        for future in [pool.submit(_score, number) for number in range(N_MODELS)]:
            future.result()
        if any(name == "full" for name, _, _ in wanted):
            pool.submit(_stability).result()
            pool.submit(_sheet).result()


def _score(number: int) -> None:
    """All scores by one model, unless they are there."""
    import curate

    path = _scores_of(number)
    if not path.exists():
        _scored(METHODS, FIRST_SEED + number, path)
        curate.open_table(path)


def _scored(methods: list[str], seed: int, path: os.PathLike) -> None:
    import curate

    arguments = lab["arguments"]
    curate.score(
        lab["train"],
        methods,
        model=arguments.model,
        models=1,
        epochs=arguments.epochs,
        hyperparameters={"n_epochs": arguments.epochs},
        seed=seed,
        output=path,
    )


def _stability() -> None:
    """Spearman's correlation of all pairs of single models, by score, into results/NAME_stability.json."""
    from scipy.stats import spearmanr

    import curate

    tables = [curate.open_table(_scores_of(number)) for number in range(N_MODELS)]
    outcome = {}
    for name in METHODS:
        pairs = list(itertools.combinations(tables, 2))
        outcome[name] = [float(spearmanr(one[name], other[name]).statistic) for one, other in pairs]
    for name in ("el2n", "grand", "forgetting", "aum"):
        halves = [np.mean([table[name] for table in half], 0) for half in (tables[::2], tables[1::2])]
        outcome[f"{name}, two means of five"] = [float(spearmanr(*halves).statistic)]
    (RESULTS / f"{lab['arguments'].name}_stability.json").write_text(json.dumps(outcome, indent=1) + "\n")


def _sheet() -> None:
    """The ten easiest and hardest images of each class by AUM, into results/NAME_sheet.webp."""
    from curate.verbs.sheet import draw_sheet, of_scores

    train = lab["train"]
    path = RESULTS / f"{lab['arguments'].name}_sheet.webp"
    draw_sheet(path, of_scores(_mean("aum"), "aum", train.classes), train, force=True)


def _source(name: str, keep: float, trial: int) -> dict[str, str]:
    """The option that says what a row builds on: a static selection, made now."""
    import curate

    if _row(name).policy != "recorded":
        return {}
    if name == "static random":
        table, strategy, options = _table("forgetting", trial), "random", {}
    else:
        score, strategy, *given = name.split(", ")
        table = _table(score, trial)
        options = {"column": "distance" if score == "prototypicality" else score}
        if strategy == "stratified":
            options["cut"] = str(next(cut for least, cut in CUTS.items() if keep >= least))
        options |= dict(option.split("=") for option in given)
    folder = lab["work"] / f"{name.replace(', ', '-')}-{keep}-{os.getpid()}"
    curate.select(table, strategy, keep=keep, options=options, seed=trial, output=folder, force=True)
    return {"manifest": str(folder)}


def _table(score: str, trial: int):
    """The table that a score of a trial is in."""
    import curate

    if (score, trial) not in lab:
        if score == "prototypicality":
            lab[score, trial] = _clustered(trial)
        elif score in ("el2n", "grand"):
            lab[score, trial] = _mean(score)
        else:
            lab[score, trial] = curate.open_table(_scores_of(trial))
    return lab[score, trial]


def _mean(score: str):
    """A table with the mean of a score over all models."""
    import curate

    tables = [curate.open_table(_scores_of(number)) for number in range(N_MODELS)]
    mean = np.mean([table[score] for table in tables], 0)
    return replace(tables[0], columns={**tables[0].columns, score: mean})


def _clustered(seed: int):
    """500 clusters of a PCA to 50 dimensions, both made now."""
    import curate

    embedding = lab["work"] / f"pca-{os.getpid()}.safetensors"
    clusters = lab["work"] / f"clusters-{seed}-{os.getpid()}.parquet"
    embedded = curate.embed(lab["train"], dim=50, output=embedding, force=True)
    return curate.cluster(embedded, 500, spherical=True, seed=seed, output=clusters, force=True)


def _run(name: str, keep: float, trial: int) -> dict:
    """One training run: trial `trial` of a cell of the table; or what it costs to make a score."""
    outcome = {"row": name, "keep": keep, "trial": trial}
    if name.startswith("cost of "):
        score = name.removeprefix("cost of ")
        if score == "full":
            return {**outcome, **one_run(_row("full"), keep, trial, {}, lab["arguments"].epochs)}
        path = lab["work"] / f"cost-{score}-{trial}-{os.getpid()}.parquet"
        started, used = time.perf_counter(), time.process_time()
        if score == "prototypicality":
            _clustered(trial)
        else:
            _scored([score], FIRST_SEED + trial, path)
        seconds = {"seconds": time.perf_counter() - started, "processor_seconds": time.process_time() - used}
        path.unlink(missing_ok=True)
        return {**outcome, **seconds}
    return {
        **outcome,
        **one_run(_row(name), keep, trial, _source(name, keep, trial), lab["arguments"].epochs),
    }


def _page(done: list[dict], rows: dict[str, Row], arguments: argparse.Namespace) -> str:
    cells = by_cell(done, arguments.trials)
    dynamic = [name for name in ("random", "epsilon_greedy") if name in rows]
    about = [f"Chosen anew before every epoch: {', '.join(dynamic)}."] if dynamic else []
    return "\n".join(
        [
            f"# Static strategies: {public(arguments.data)}, {arguments.model}, {arguments.epochs} epochs",
            "",
            " ".join(["Test accuracy in % after the last epoch, mean ± std (n).", *about]),
            "",
            *accuracies(cells, rows, arguments.keeps),
            "",
            *differences(cells, rows, arguments.keeps, "static random", "static random"),
            "",
            *(_costs(cells, rows, arguments) if "full" in rows else []),
            f"`python benchmarks/scores.py {command(arguments, _DEFAULTS)}`",
            "",
            footer(arguments),
            "",
        ]
    )


_SCORING_IN = "Scoring is in it, at its mean; ± is that of selecting and training."


def _costs(cells: Cells, rows: dict[str, Row], arguments: argparse.Namespace) -> list[str]:
    """Times with scoring out and in, what scoring costs, and how stable it is."""
    clock = "seconds" if arguments.jobs == 1 else "processor_seconds"
    full = cells[("cost of full", 1.0)]
    costs = {
        name: [
            measured[clock] / full[trial][clock]
            for trial, measured in cells[(f"cost of {name}", 1.0)].items()
        ]
        for name in MADE_OF
    }
    scoring = {
        name: MADE_OF[score] * float(np.mean(costs[score]))
        for name in rows
        if (score := name.partition(",")[0]) in costs
    }
    stability = json.loads((RESULTS / f"{arguments.name}_stability.json").read_text())
    return [
        *times(cells, rows, arguments.keeps, arguments.jobs, "Scoring is not in it."),
        "",
        *times(cells, rows, arguments.keeps, arguments.jobs, _SCORING_IN, scoring),
        "",
        "## What scoring costs",
        "",
        "As a multiple of a full training beside it, mean ± std (n): one model, or PCA and clusters; and as"
        " many times that as the score is made of models.",
        "",
        "| score | one | how many | in all |",
        "|---|---|---|---|",
        *(
            f"| {name} | {spread(values, 3)} | {MADE_OF[name]} | {MADE_OF[name] * np.mean(values):.2f} |"
            for name, values in costs.items()
        ),
        "",
        "## How stable a score is",
        "",
        "Spearman's correlation of scores from models of different seeds, mean ± std (pairs).",
        "",
        "| score | correlation |",
        "|---|---|",
        *(f"| {name} | {spread(values, 3)} |" for name, values in stability.items()),
        "",
        "## The ten easiest and the ten hardest images of each class, by AUM",
        "",
        f"![images]({arguments.name}_sheet.webp)",
        "",
    ]


_DEFAULTS = {
    "model": "lenet5",
    "epochs": 5,
    "keeps": [0.01, 0.05, 0.1, 0.3, 0.5, 0.9],
    "trials": 5,
    "only": list(ROWS),
    "jobs": 2,
    "threads": 1,
    "name": "scores",
}


if __name__ == "__main__":
    main()

"""(c) and (d): the setting of "Accelerating Deep Learning with Dynamic Data Pruning", as commands of curate.

(c) is CIFAR-10 with ResNet-18, 200 epochs and period 10, seed by seed. `as written` is the algorithm of
the paper (`--warm-up 0 --observe evaluation`); without it, a policy starts and observes as curate does by
default. EL2N is the mean of ten models at epoch 20, forgetting is of one run of 200 epochs; what scores has
other seeds than what is trained on its selection. (d) is its Table 1: a session of ema, and its selection
counts replayed.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from common import spread

from gpu_stages.commands import Step, run_steps
from gpu_stages.day import Day, Result, Size, Stage

KEEPS = (0.2, 0.3)
POLICIES = ("ucb", "ema", "epsilon-greedy")
STATIC = {"static random": "random", "el2n": "top", "forgetting": "top"}
TABLE_1 = ("ema", "always + static sometimes", "always + random sometimes")
KEEP_OF_TABLE_1 = 0.3


def cells_of_setting(size: Size) -> list[str]:
    names = ["full", *(f"{name}, keep {keep}" for keep in KEEPS for name in ("random", *POLICIES))]
    names += [f"{name} as written, keep {keep}" for keep in KEEPS for name in POLICIES]
    names += [f"{name}, keep {keep}" for keep in KEEPS for name in STATIC]
    return [f"{name}, seed {seed}" for seed in range(size.n_seeds) for name in names]


def cells_of_table_1(size: Size) -> list[str]:
    return [f"{name}, seed {seed}" for seed in range(size.n_seeds) for name in TABLE_1]


def run_setting(cells: list[str], day: Day) -> Iterator[Result]:
    yield from run_steps([_of_setting(cell, day) for cell in cells], day)


def run_table_1(cells: list[str], day: Day) -> Iterator[Result]:
    yield from run_steps([_of_table_1(cell, day) for cell in cells], day)


def _of_setting(cell: str, day: Day) -> Step:
    what, seed = cell.rsplit(", seed ", 1)
    if what == "full":
        return Step(cell, _train(day, seed), _file(cell))
    name, keep = what.split(", keep ")
    if name in STATIC:
        chosen = _selected(name, keep, seed, day)
        words = _train(day, seed, "--policy", "recorded", "--set", f"manifest={chosen.output}")
        return Step(cell, words, _file(cell), (chosen,))
    policy = name.removesuffix(" as written")
    written = ("--warm-up", "0", "--observe", "evaluation") if name.endswith("as written") else ()
    return Step(cell, _train(day, seed, *_dynamic(policy, keep, day), *written), _file(cell))


def _selected(name: str, keep: str, seed: str, day: Day) -> Step:
    """A static selection by scores."""
    scores = _scores(name if name in ("el2n", "forgetting") else "el2n", day)
    called = f"{name}, keep {keep}, selection {seed}"
    words = ("select", scores.output, "--strategy", STATIC[name], "--keep", keep, "--seed", seed)
    return Step(called, words, _file(called), (scores,))


def _scores(method: str, day: Day) -> Step:
    n_models, n_epochs = (day.size.n_models, day.size.early) if method == "el2n" else (1, day.size.n_epochs)
    words = ("score", day.train, "--method", method, "--model", day.size.model)
    words += ("--models", str(n_models), "--epochs", str(n_epochs), "--seed", "100")
    return Step(f"scores of {method}", words, f"{method}.parquet", kept=True)


def _of_table_1(cell: str, day: Day) -> Step:
    what, seed = cell.rsplit(", seed ", 1)
    keep = str(KEEP_OF_TABLE_1)
    if what == "ema":
        return Step(cell, _train(day, seed, *_dynamic("ema", keep, day)), _file(f"table 1 {cell}"))
    earlier = f"session of ema, seed {1000 + int(seed)}"
    session = Step(earlier, _train(day, str(1000 + int(seed)), *_dynamic("ema", keep, day)), _file(earlier))
    if what == "always + random sometimes":
        words = _dynamic("always-random", keep, day)
        return Step(cell, _train(day, seed, *words, "--from", session.output), _file(cell), (session,))
    output = f"counts-{seed}.parquet"
    counts = Step(f"counts of {earlier}", _counting(session.output, output), output, (session,))
    words = ("select", counts.output, "--strategy", "top", "--set", "column=n_selected", "--keep", keep)
    chosen = Step(f"always + static sometimes, selection {seed}", words, f"always-static-{seed}", (counts,))
    words = _train(day, seed, "--policy", "recorded", "--set", f"manifest={chosen.output}")
    return Step(cell, words, _file(cell), (chosen,))


def _counting(session: str, output: str) -> Callable[[Path], None]:
    """Makes a table of scores of how often a session selected each sample."""

    def make(folder: Path) -> None:
        import curate
        from curate.artifacts.header import RankingColumn, make_header
        from curate.artifacts.tables import write_table

        manifest = curate.open_manifest(folder / session)
        samples = manifest.samples
        ranking = {"n_selected": RankingColumn("high")}
        header = make_header("scores", "score", {}, seed=0, dataset=manifest.header.dataset, columns=ranking)
        columns = {name: samples[name] for name in ("index", "uid", "label", "n_selected")}
        write_table(folder / output, header, columns)

    return make


def _train(day: Day, seed: str, *more: str) -> tuple[str, ...]:
    size = day.size
    words = ("train", day.train, "--model", size.model, "--epochs", str(size.n_epochs), "--seed", seed)
    return (*words, *more)


def _dynamic(policy: str, keep: str, day: Day) -> tuple[str, ...]:
    return ("--policy", policy, "--keep", keep, "--period", str(day.size.period))


def _file(name: str) -> str:
    return name.replace(", ", "-").replace(" ", "-").replace("-+", "")


def page(results: list[Result]) -> list[str]:
    """Test accuracy after the last epoch, over seeds, whatever the card."""
    by_row: dict[str, list[Result]] = {}
    for result in results:
        if "test_accuracy" in result:
            by_row.setdefault(result["cell"].rsplit(", seed ", 1)[0], []).append(result)
    cards = ", ".join(dict.fromkeys(result["card"] for result in results))
    lines = [f"Test accuracy in % after the last epoch, mean ± std (n). {cards}.", ""]
    lines += ["| | accuracy | worst class | samples seen, millions |", "|---|---|---|---|"]
    for row, of_row in by_row.items():
        accuracy, worst = (
            spread([100 * one[key] for one in of_row]) for key in ("test_accuracy", "test_worst_class")
        )
        lines.append(f"| {row} | {accuracy} | {worst} | {of_row[0]['samples_seen'] / 1e6:.2f} |")
    return [*lines, ""]


SETTING = Stage("paper", "The paper's setting", 60, False, cells_of_setting, run_setting, page)
TABLE = Stage("table1", "Table 1", 25, False, cells_of_table_1, run_table_1, page)

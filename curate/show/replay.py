"""A replay on the terminal: one column per run, or one block per run where the terminal is narrow."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from curate.statistics import Spread
from curate.verbs.replay import ReplayResult, Run

_NAMES, _COLUMN = 24, 18  # columns that names and each run need


def print_replay(result: ReplayResult, console: Console) -> None:
    """Accuracy with spread, median, worst class, samples seen, seconds, and differences to controls."""
    hyperparameters, trials = result.hyperparameters, len(result.runs[0].trials)
    share = result.n_selected_per_epoch / result.n
    plus_minus = "±" if console.encoding.lower().startswith("utf") else "+-"
    epochs = f"{hyperparameters.n_epochs} epoch{'s' * (hyperparameters.n_epochs > 1)}"
    console.print(
        Text(
            f"{result.manifest}: {result.n_selected_per_epoch:,.0f} of {result.n:,} samples ({share:.1%})\n"
            f"{result.model}, {epochs}, {trials} trial{'s' * (trials > 1)}, {result.device}",
            style="bold",
        )
    )
    for text in result.differs_in:
        console.print(Text(f"unlike the selection: {text}"))
    rows = [(run.name, _cells(result, run, plus_minus)) for run in result.runs]
    if console.width >= _NAMES + _COLUMN * len(rows):
        table = Table("", *(name for name, _ in rows))
        for column in table.columns[1:]:
            column.justify = "right"
        for name in rows[-1][1]:
            table.add_row(name, *(cells.get(name, "") for _, cells in rows))
        console.print(table)
    else:
        for name, cells in rows:
            console.print(Text(f"\n{name}", style="bold"))
            for label, cell in cells.items():
                console.print(Text(f"  {label}: {cell}"))
    note = f"Last epoch, mean {plus_minus} std (n = {trials})."
    if len(rows) > 1:
        note += " Differences in percentage points, paired by seed, with 95% interval."
    console.print(Text(note))


def _cells(result: ReplayResult, run: Run, plus_minus: str) -> dict[str, str]:
    """What there is to say of a run, by name."""

    def with_spread(value: Spread, scale: float, form: str) -> str:
        text = format(value.mean, form)
        return text if value.std is None else f"{text} {plus_minus} {scale * value.std:.2f}"

    accuracy = run.summary("accuracy")
    cells = {
        "test accuracy": with_spread(accuracy, 100, ".2%"),
        "median": f"{accuracy.median:.2%}",
        "worst class": with_spread(run.summary("worst_class"), 100, ".2%"),
    }
    if run is not result.runs[0]:
        difference = result.difference(run.name)
        cells["manifest minus it"] = f"{100 * difference.mean:+.2f}"
        cells["95% interval"] = (
            "needs 2 trials"
            if difference.low is None or difference.high is None
            else f"{100 * difference.low:+.2f} to {100 * difference.high:+.2f}"
        )
    cells |= {
        "samples seen": f"{run.summary('samples_seen').mean:,.0f}",
        "seconds selecting": with_spread(run.summary("select_seconds"), 1, ".2f"),
        "seconds training": with_spread(run.summary("train_seconds"), 1, ".2f"),
    }
    if result.scoring_seconds == 0:
        return cells
    ours, seconds = run is result.runs[0], result.seconds(run)
    scoring = result.scoring_seconds if ours else 0.0
    return cells | {
        "seen for the scores": f"{result.scoring_samples_seen if ours else 0:,}",
        "seconds scoring": "unknown" if scoring is None else f"{scoring:.2f}",
        "seconds in all": "unknown" if seconds is None else with_spread(seconds, 1, ".2f"),
    }

"""The table of a replay: one column per run, narrow enough for any terminal."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from curate.statistics import Difference, Spread
from curate.verbs.replay import ReplayResult, Run


def replay_table(found: ReplayResult) -> Group:
    """Accuracy with spread, median, worst class, samples seen, seconds, and differences to controls."""
    recipe, trials = found.recipe, len(found.runs[0].trials)
    share = found.n_selected_per_epoch / found.n
    title = (
        f"{found.manifest}: {found.n_selected_per_epoch:,.0f} of {found.n:,} samples ({share:.1%})\n"
        f"{found.model}, {recipe.n_epochs} epochs, {trials} trial{'s' * (trials > 1)}, {found.device}"
    )
    table = Table()
    table.add_column("")
    for run in found.runs:
        table.add_column(run.name, justify="right")
    rows = {
        "test accuracy": [_percent(run.summary("accuracy")) for run in found.runs],
        "  median": [f"{run.summary('accuracy').median:.2%}" for run in found.runs],
        "  worst class": [_percent(run.summary("worst_class")) for run in found.runs],
        "  manifest minus it": [_difference(found, run) for run in found.runs],
        "samples seen": [f"{run.summary('samples_seen').mean:,.0f}" for run in found.runs],
        "seconds selecting": [_seconds(run.summary("select_seconds")) for run in found.runs],
        "seconds training": [_seconds(run.summary("train_seconds")) for run in found.runs],
    }
    if len(found.runs) == 1:
        del rows["  manifest minus it"]
    for name, cells in rows.items():
        table.add_row(name, *cells)
    note = f"Last epoch, mean ± std (n = {trials})."
    if len(found.runs) > 1:
        note += " Differences in percentage points, paired by seed, with 95% interval."
    return Group(Text(title, style="bold"), table, Text(note))


def _percent(value: Spread) -> str:
    return f"{value.mean:.2%}" + (f" ± {100 * value.std:.2f}" if value.std is not None else "")


def _seconds(value: Spread) -> str:
    return f"{value.mean:.2f}" + (f" ± {value.std:.2f}" if value.std is not None else "")


def _difference(found: ReplayResult, run: Run) -> str:
    if run is found.runs[0]:
        return ""
    difference: Difference = found.difference(run.name)
    if difference.low is None or difference.high is None:
        return f"{100 * difference.mean:+.2f}\n(one trial)"
    return f"{100 * difference.mean:+.2f}\n[{100 * difference.low:+.2f}, {100 * difference.high:+.2f}]"

"""A report of `inspect` on the terminal: facts, then histograms."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from curate.text import readable
from curate.verbs.description import Chart, Description

_MOST = 48  # columns of a full bar


def print_description(report: Description, console: Console) -> None:
    """Print facts as a list and charts as bars that fit the width of the terminal."""
    console.print(Text(readable(report.title), style="bold"))
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in report.facts:
        facts.add_row(Text(readable(name)), Text(readable(value)))
    console.print(facts)
    for chart in report.charts:
        console.print()
        _print_chart(chart, console)


def _print_chart(chart: Chart, console: Console) -> None:
    console.print(Text(chart.title, style="bold"))
    if not chart.bars:
        console.print("  nothing to show")
        return
    labels = [readable(bar.label) for bar in chart.bars]
    names = max(map(len, labels))
    numbers = max(len(bar.text) for bar in chart.bars)
    names = min(names, max(8, console.width - numbers - 16))
    room = max(4, min(_MOST, console.width - names - numbers - 6))
    full = chart.full or max(max(bar.value, bar.mark or 0.0) for bar in chart.bars) or 1.0
    for bar, whole in zip(chart.bars, labels, strict=True):
        label = whole if len(whole) <= names else whole[: names - 3] + "..."
        drawn = bar_of(bar.value / full, room, _unicode(console))
        line = Text(f"  {label:>{names}} ")
        if bar.mark is None:
            line.append(drawn, style="cyan")
        else:
            place = min(round(bar.mark / full * room), room - 1)
            line.append(drawn[:place].ljust(place), style="cyan")
            line.append("●" if _unicode(console) else "o", style="bold")
            line.append(drawn[place + 1 :], style="cyan")
        line.append(f" {bar.text}")
        console.print(line, soft_wrap=True)


def bar_of(share: float, room: int, unicode: bool) -> str:
    """A bar of `share` of `room` columns, in eighths where the terminal has such characters."""
    share = min(max(share, 0.0), 1.0)
    if not unicode:
        return "#" * round(share * room)
    eighths = round(share * room * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (" ▏▎▍▌▋▊▉"[rest] if rest else "")


def _unicode(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")

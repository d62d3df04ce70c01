"""The progress bar: steps, rate, time left, and live numbers such as the loss."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from curate.progress import Progress
from curate.text import readable


class _TwoLines(RichProgress):
    """The bar, and under it the live numbers, which may need a line or two of their own."""

    numbers = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        """What is drawn, again and again."""
        yield from super().get_renderables()
        if self.numbers:
            yield Text(self.numbers, style="dim")


class Bar(Progress):
    """Progress on a terminal."""

    def __init__(self, shown: _TwoLines, said: str = "") -> None:
        self.said, self._shown = said, shown
        self._task: TaskID | None = None
        self._unit = ""
        self._live: dict[str, str] = {}
        self._asked: set[str] = set()
        self._noted: set[str] = set()

    @classmethod
    @contextmanager
    def shown(cls, console: Console, said: str = "") -> Iterator["Bar"]:
        """A bar that vanishes when the block ends."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
        )
        with _TwoLines(*columns, console=console, transient=True) as shown:
            yield cls(shown, said)

    @contextmanager
    def task(self, label: str, total: int, unit: str = "") -> Iterator[None]:
        """A bar for this task, in the place of the one that it is within, which then comes back."""
        around = self._task, self._unit, self._live
        if around[0] is not None:
            self._shown.update(around[0], visible=False)
        self._task, self._unit, self._live = self._shown.add_task(label, total=total, rate=""), unit, {}
        self._shown.numbers = ""
        yield
        self._shown.remove_task(self._task)
        self._task, self._unit, self._live = around
        if self._task is not None:
            self._shown.update(self._task, visible=True)
        self._shown.numbers = "  ".join(self._live.values())

    def advance(self, steps: int = 1, **live: float | str) -> None:
        """Move the bar and renew the live numbers."""
        for name, value in live.items():
            self._live[name] = f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        self._shown.numbers = "  ".join(self._live.values())
        if self._task is not None:
            self._shown.update(self._task, advance=steps, rate=self._rate())

    def note(self, text: str) -> None:
        """A line above the bar, once."""
        if text in self._noted:
            return
        self._noted.add(text)
        self._shown.console.print(readable(text), markup=False, soft_wrap=True)

    def ask(self, text: str) -> None:
        """A question in the place of the bar; No ends the command before anything is written."""
        if text in self._asked:
            return
        self._asked.add(text)
        if not sys.stdin.isatty():
            self.note(f"beware: {text}")
            return
        self._shown.stop()
        click.confirm(f"{readable(text)}. Go on?", abort=True, err=True)
        self._shown.start()

    def _rate(self) -> str:
        speed = self._shown.tasks[-1].speed if self._shown.tasks else None
        return f"{speed:,.0f} {self._unit}/s" if speed and self._unit else ""

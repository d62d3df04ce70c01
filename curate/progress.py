"""How long work reports itself: steps done, and live numbers such as the loss. By default it logs notes."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """The silent reporter. Those of the command line (show/bar.py, show/lines.py) override all methods.

    `said` is the command line that asked for the work, where one did.
    """

    said: str = ""

    @contextmanager
    def task(self, label: str, total: int, unit: str = "") -> Iterator[None]:
        """Work called `label` with `total` steps of `unit`; tasks do not nest."""
        yield

    def advance(self, steps: int = 1, **live: float | str) -> None:
        """`steps` more are done; `live` holds numbers worth showing beside the bar."""

    def note(self, text: str) -> None:
        """One line of talk for the user."""

    def ask(self, text: str) -> None:
        """Something that may be a slip: on a terminal the user says whether to go on; else it is noted."""
        self.note(text)


class _Logged(Progress):
    """Notes go to the logger `curate`; how far work is goes nowhere."""

    def note(self, text: str) -> None:
        """A warning of the logger, which Python shows on stderr unless it is told otherwise."""
        logging.getLogger("curate").warning(text)


class WithoutNotes(Progress):
    """Shows how far work is as another does; what would be noted is kept, for a report."""

    def __init__(self, progress: Progress) -> None:
        self.said, self.notes = progress.said, dict[str, None]()
        self.task, self.advance = progress.task, progress.advance  # type: ignore[method-assign]

    def note(self, text: str) -> None:
        """Kept in `notes`, once."""
        self.notes[text] = None


LOGGED = _Logged()

"""How long work reports itself: steps done, and live numbers such as the loss. Silent by default."""

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


SILENT = Progress()

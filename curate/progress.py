"""How long work reports itself: steps done, and live numbers such as the loss. Silent by default."""

from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """The silent reporter. The terminal's own (show/bar.py) overrides all three methods."""

    @contextmanager
    def task(self, label: str, total: int, unit: str = "") -> Iterator[None]:
        """Work called `label` with `total` steps of `unit`; tasks do not nest."""
        yield

    def advance(self, steps: int = 1, **live: float | str) -> None:
        """`steps` more are done; `live` holds numbers worth showing beside the bar."""

    def note(self, text: str) -> None:
        """One line of talk for the user."""


SILENT = Progress()

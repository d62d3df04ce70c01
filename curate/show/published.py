"""What an owner has published, as a table; a list where the terminal is narrow."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_NEEDS = 90  # columns


def print_published(owner: str, manifests: Sequence[Mapping[str, Any]], console: Console) -> None:
    """One line per manifest: where it is, of what, how much it keeps, by what, and how good that was."""
    if not manifests:
        console.print(Text(f"{owner} has published no manifests of curate"))
        return
    rows = [
        (
            f"{one['repository']}/{one['name']}" + (" (private)" if one.get("private") else ""),
            str(one.get("dataset", "")),
            _share(one.get("keep")),
            str(one.get("policy", "")),
            _share(one.get("test_accuracy"), 2),
        )
        for one in manifests
    ]
    names = ("manifest", "dataset", "keep", "policy", "test accuracy")
    if console.width >= _NEEDS:
        table = Table(*names)
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
        return
    for row in rows:
        console.print(Text(row[0], style="bold"))
        facts = [f"{name} {value}" for name, value in zip(names[1:], row[1:], strict=True) if value]
        console.print(Text("  " + ", ".join(facts)))


def _share(value: Any, digits: int = 1) -> str:
    """A number as a percentage; anything else, which a card may hold, as nothing."""
    is_share = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return f"{value:.{digits}%}" if is_share else ""

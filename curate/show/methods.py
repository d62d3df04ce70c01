"""How `methods` looks: a table of a kind, or one method with all that can be set of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from curate.verbs.methods import Method


def print_methods(methods: Sequence["Method"], console: "Console") -> None:
    """A line for each, under its kind; what cannot be used says why."""
    from rich.markup import escape
    from rich.table import Table

    for kind in dict.fromkeys(method.kind for method in methods):
        those = [method for method in methods if method.kind == kind]
        origins = {method.origin for method in those}
        title = f"{kind}, of {those[0].origin}" if len(origins) == 1 else kind
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        for heading in ("name", "what it is", "set", *(["of"] if len(origins) > 1 else [])):
            table.add_column(heading, overflow="fold")
        for method in those:
            settings = " ".join(f"{one.name}={one.default}" for one in method.options)
            told = [method.name, method.problem or method.text, settings]
            table.add_row(*map(escape, [*told, *([method.origin] if len(origins) > 1 else [])]))
        console.print(table)
        console.print()


def print_method(method: "Method", console: "Console") -> None:
    """One method in full."""
    from rich.markup import escape
    from rich.table import Table

    console.print(f"[bold]{escape(method.name)}[/bold], of {escape(method.origin)}")
    if method.about:
        paragraphs = (" ".join(part.split()) for part in method.about.split("\n\n"))
        console.print()
        console.print(escape("\n\n".join(paragraphs)), highlight=False)
    if method.options:
        table = Table(box=None, pad_edge=False)
        for heading in ("option", "type", "default"):
            table.add_column(heading)
        for option in method.options:
            default = "has to be given" if option.default is None else option.default
            table.add_row(*map(escape, (option.name, option.type, default)))
        console.print()
        console.print(table)

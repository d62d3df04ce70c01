"""From a method's name to its code: the name of a method is the name of its file, and nothing else.

`curate/selection/policies/full.py` is `--policy full`. A method is a frozen dataclass whose fields are its
options. Nothing is registered: the folder is listed, and only the file asked for is imported.
"""

import ast
import dataclasses
import difflib
import importlib
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from curate.errors import CurateError


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of method: what a message calls it, and the room in which the folder of its files lies."""

    label: str
    room: str


KINDS = {
    "sources": Kind("dataset source", "data"),
    "models": Kind("model", "networks"),
    "embedders": Kind("embedding method", "vectors"),
    "scorers": Kind("scorer", "scores"),
    "strategies": Kind("strategy", "selection"),
    "policies": Kind("policy", "selection"),
    "exports": Kind("export format", "manifests"),
    "schedules": Kind("schedule", "training"),
    "augmentations": Kind("augmentation", "training"),
}


def names(kind: str) -> list[str]:
    """The methods of a kind, sorted, as written on the command line (`early-stop`, not `early_stop`)."""
    files = (Path(__file__).parent / KINDS[kind].room / kind).glob("[!_]*.py")
    return sorted(file.stem.replace("_", "-") for file in files)


def load(kind: str, name: str) -> type[Any]:
    """The class in the file `name` of the kind's folder, called as the file is, else the first public one.

    A name that does not exist is an error.
    """
    known = names(kind)
    wanted = name.replace("_", "-")
    if wanted not in known:
        raise CurateError(f"there is no {KINDS[kind].label} called '{name}': {nearest(wanted, known)}")
    module = importlib.import_module(f"curate.{KINDS[kind].room}.{kind}.{wanted.replace('-', '_')}")
    own = {
        key.lower(): value
        for key, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__ and not key.startswith("_")
    }
    return own.get(wanted.replace("-", "")) or next(iter(own.values()))


def make(kind: str, name: str, options: Mapping[str, Any] | None = None) -> Any:
    """The method `name` with its options set; values may be text and are read by the field's type."""
    return configure(load(kind, name), options or {}, f"{KINDS[kind].label} {name}")


def configure(method: type[Any], options: Mapping[str, Any], called: str) -> Any:
    """An instance of a method's dataclass from options, each validated by the type of its field."""
    import pydantic

    fields = option_names(method)
    types = typing.get_type_hints(method)
    values = {}
    for key, value in options.items():
        name = key.replace("-", "_")
        if name not in fields:
            raise CurateError(f"{called} has no option '{key}': {nearest(name, fields)}")
        try:
            values[name] = pydantic.TypeAdapter(types[name]).validate_python(value)
        except pydantic.ValidationError as problem:
            reason = problem.errors()[0]["msg"]
            raise CurateError(f"{key}={value} does not fit {called}: {reason}") from None
    return method(**values)


@dataclasses.dataclass(frozen=True)
class Summary:
    """What the file of a method says of it, read without importing it.

    `text` is the first sentence; `options` are its defaults by name, as written; `facts` the class attributes
    that are plain values, such as `reads` of a scorer.
    """

    text: str
    options: Mapping[str, str]
    facts: Mapping[str, Any]


def summary(kind: str, name: str) -> Summary:
    """The summary of a method; light enough for a help text."""
    file = Path(__file__).parent / KINDS[kind].room / kind / f"{name.replace('-', '_')}.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    first = (ast.get_docstring(tree) or "").partition("\n")[0]
    text = first.removeprefix(f"{name.replace('-', '_')}: ").partition(". ")[0].rstrip(".")
    options: dict[str, str] = {}
    facts: dict[str, Any] = {}
    constants: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            constants |= _plain(node.targets[0].id, node.value)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    for node in classes[0].body if classes else []:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            if "ClassVar" in ast.unparse(node.annotation):
                facts |= _plain(node.target.id, node.value)
            else:
                written = ast.unparse(node.value).strip("'")
                options[node.target.id] = str(constants.get(written, written))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            facts |= _plain(node.targets[0].id, node.value)
    return Summary(text, options, facts)


def _plain(name: str, value: ast.expr) -> dict[str, Any]:
    """A class attribute by its name, where its value is written out."""
    try:
        return {name: ast.literal_eval(value)}
    except ValueError:
        return {}


def option_names(method: type[Any]) -> list[str]:
    """The names of a method's options."""
    return [field.name for field in dataclasses.fields(method)]


def settings(method: Any) -> dict[str, Any]:
    """A method's options and their values, for the header of what it makes."""
    return dataclasses.asdict(method)


def nearest(name: str, known: Iterable[str]) -> str:
    """The remedy for a misspelt name: the nearest ones, or all where none is near."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    return "use one of " + ", ".join(known) if known else "it has none"

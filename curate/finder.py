"""From a method's name to its code: the name of a method is the name of its file, and nothing else.

`curate/selection/policies/full.py` is `--policy full`. A method is a frozen dataclass whose fields are its
options. Nothing is registered: the folder is listed, and only the file asked for is imported. What comes from
outside (outside.py) has the same rights: `file.py:Name`, a name that an installed package brings, an object.
"""

import ast
import dataclasses
import difflib
import functools
import importlib
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from curate import outside
from curate.errors import CurateError


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of method: what a message calls it, and the room in which the folder of its files lies.

    `adopts` is where a function of this kind stands that makes a method of what is none, such as a network.
    """

    label: str
    room: str
    adopts: str = ""


KINDS = {
    "sources": Kind("dataset source", "data"),
    "models": Kind("model", "networks", "curate.networks.adopted"),
    "embedders": Kind("embedding method", "vectors"),
    "scorers": Kind("scorer", "scores"),
    "strategies": Kind("strategy", "selection"),
    "policies": Kind("policy", "selection"),
    "exports": Kind("export format", "manifests"),
    "schedules": Kind("schedule", "training"),
    "augmentations": Kind("augmentation", "training"),
}
LIBRARIES = ("torchvision", "timm")  # whose models are models here: torchvision:resnet50


def names(kind: str) -> list[str]:
    """The methods of a kind, sorted, as written on the command line (`early-stop`, not `early_stop`).

    Those of installed packages stand behind curate's own.
    """
    own = own_names(kind)
    return [*own, *sorted(name for name in outside.packages(kind) if name not in own)]


def is_ours(kind: str, name: str) -> bool:
    """Whether a name is that of a method of curate's own, which may be followed wherever it was read."""
    return name.replace("_", "-") in own_names(kind)


def knows(kind: str, name: str) -> bool:
    """Whether a name may be one: listed, in a file, handed in, or of a library that is adopted from."""
    listed = name.replace("_", "-") in names(kind) or outside.handed_in(kind, name) is not None
    return listed or outside.in_file(name) is not None or _is_adopted(kind, name)


def load(kind: str, name: str) -> type[Any]:
    """The class in the file `name` of the kind's folder, called as the file is, else the first public one.

    Or what a name means that is from outside. A name that does not exist is an error.
    """
    wanted = name.replace("_", "-")
    if wanted not in own_names(kind):
        return _from_outside(kind, name)
    module = importlib.import_module(f"curate.{KINDS[kind].room}.{kind}.{wanted.replace('-', '_')}")
    own = {
        key.lower(): value
        for key, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__ and not key.startswith("_")
    }
    return own.get(wanted.replace("-", "")) or next(iter(own.values()))


@functools.cache
def own_names(kind: str) -> tuple[str, ...]:
    """Those of curate itself, for a help text, which has no time to look through what is installed."""
    files = (Path(__file__).parent / KINDS[kind].room / kind).glob("[!_]*.py")
    return tuple(sorted(file.stem.replace("_", "-") for file in files))


def _from_outside(kind: str, name: str) -> type[Any]:
    wanted = name.replace("_", "-")
    thing: Any = outside.handed_in(kind, name)
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        thing = type(thing)
    if thing is None and (found := outside.in_file(name)) is not None:
        thing = outside.from_file(*found)
    if thing is None and wanted in outside.packages(kind):
        thing = outside.from_package(outside.packages(kind)[wanted])
    if thing is None and not _is_adopted(kind, name):
        remedy = nearest(wanted, names(kind)) + _elsewhere(kind, name)
        raise CurateError(f"there is no {KINDS[kind].label} called '{name}': {remedy}")
    if KINDS[kind].adopts:
        adopt = importlib.import_module(KINDS[kind].adopts).adopt
        return cast(type[Any], adopt(thing, outside.called(name)))
    if not (isinstance(thing, type) and dataclasses.is_dataclass(thing)):
        raise CurateError(
            f"{outside.called(name)} is no {KINDS[kind].label}: it has to be a dataclass, whose fields are "
            "its options"
        )
    return thing


def _elsewhere(kind: str, name: str) -> str:
    """Where else a plain name may be meant, for a kind that adopts those of other libraries."""
    if not KINDS[kind].adopts or not name.isidentifier():
        return ""
    named = ", ".join(f"{library}:{name}" for library in LIBRARIES)
    return f" (those of other libraries are named {named})"


def _is_adopted(kind: str, name: str) -> bool:
    """Whether a name is one of another library, `timm:resnet18`, where its things are adopted."""
    library, colon, rest = name.partition(":")
    return bool(KINDS[kind].adopts and colon and rest and library in LIBRARIES)


def make(kind: str, name: str, options: Mapping[str, Any] | None = None) -> Any:
    """The method `name` with its options set; values may be text and are read by the field's type."""
    method, given = load(kind, name), dict(options or {})
    handed = outside.handed_in(kind, name)
    if handed is not None and not isinstance(handed, type) and isinstance(handed, method):
        given = {**settings(handed), **given}
    return configure(method, given, f"{KINDS[kind].label} {name}")


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

"""methods: which methods there are, where they come from, and what can be set of each."""

import dataclasses
import inspect
import sys
import typing
from dataclasses import dataclass
from typing import Any

from curate import finder, outside
from curate.artifacts.header import versions
from curate.errors import CurateError


@dataclass(frozen=True)
class Option:
    """What can be set of a method; `default` is None where it has to be given."""

    name: str
    type: str
    default: str | None


@dataclass(frozen=True)
class Method:
    """A method: `text` says what it is in a line, `about` in full, `origin` which package or file it is from.

    `about` and the types of options are only known where the method was looked at alone. `problem` says why
    one of a package cannot be used.
    """

    kind: str
    name: str
    text: str
    origin: str
    options: list[Option]
    about: str = ""
    problem: str = ""


def methods(kind: str | None = None, name: str | None = None) -> list[Method]:
    """The methods of a kind, or of all; or the one of a `name`, which may be `file.py:Name`.

    A list is read without importing a method of curate's own; what packages bring is imported, and one that
    fails says so beside its name.
    """
    kinds = [_kind(kind)] if kind is not None else list(finder.KINDS)
    if name is not None:
        return [_looked_at(kinds[0], name)]
    return [_listed(each, one) for each in kinds for one in finder.names(each)]


def _kind(asked: str) -> str:
    """The kind that is meant: `policies`, or `policy`."""
    known = {**{kind: kind for kind in finder.KINDS}, **{of.label: kind for kind, of in finder.KINDS.items()}}
    meant = known.get(asked.replace("_", "-"), known.get(f"{asked.removesuffix('y')}ies"))
    if meant is None:
        raise CurateError(f"there is no kind of method '{asked}': {finder.nearest(asked, finder.KINDS)}")
    return meant


def _listed(kind: str, name: str) -> Method:
    if finder.is_ours(kind, name):
        summary = finder.summary(kind, name)
        options = [Option(one, "", default) for one, default in summary.options.items()]
        return Method(kind, name, summary.text, _origin(kind, name), options)
    try:
        return _looked_at(kind, name)
    except CurateError as problem:
        return Method(kind, name, "", _origin(kind, name), [], problem=str(problem))


def _looked_at(kind: str, name: str) -> Method:
    method = finder.load(kind, name)
    about = _words(method)
    hints = typing.get_type_hints(method)
    options = [
        Option(field.name, _type(hints.get(field.name)), _default(field))
        for field in dataclasses.fields(method)
    ]
    first = about.partition("\n")[0].partition(". ")[0].rstrip(".")
    first = first.removeprefix(f"{name.replace('-', '_')}: ")
    if finder.is_ours(kind, name):
        first = finder.summary(kind, name).text
    return Method(kind, outside.called(name), first, _origin(kind, name), options, about=about)


def _words(method: type[Any]) -> str:
    """What the file of a method says of it, and the method itself."""
    own = inspect.getdoc(method) or ""
    makes = getattr(method, "makes", None)
    if makes is not None:  # a network that was adopted
        return inspect.getdoc(makes) or ""
    module = inspect.getdoc(sys.modules[method.__module__]) or ""
    return "\n\n".join(part for part in dict.fromkeys((module, own)) if part)


def _origin(kind: str, name: str) -> str:
    found = outside.origin(kind, name)
    if not found:
        library, colon, _ = name.partition(":")
        return library if colon else f"curate {versions()['curate']}"
    if "package" in found:
        return f"{found['package']} {found['version']}"
    return found.get("object") or f"{found['file']}, sha256 {found['file_sha256'][:12]}"


def _default(field: "dataclasses.Field[Any]") -> str | None:
    if field.default is not dataclasses.MISSING:
        return str(field.default)
    return None if field.default_factory is dataclasses.MISSING else str(field.default_factory())


def _type(hint: Any) -> str:
    return getattr(hint, "__name__", str(hint)).replace("typing.", "") if hint is not None else "any"

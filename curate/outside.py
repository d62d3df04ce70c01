"""Methods from outside: from a file of the user's, from an installed package, or handed in as an object.

A file is named `path/to/file.py:Name`. A package says what it brings by entry points of the group
`curate.policies`, `curate.models` and so on, named as the kinds of finder.py. What a user names is code that
the user trusts; a name that is only read, as in a pulled manifest, is not followed: see `finder.is_ours`.
"""

import hashlib
import importlib.util
import multiprocessing
import pickle
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from curate.errors import CurateError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

_FILE = re.compile(r"(.+\.py):([A-Za-z_]\w*)")
UNGUARDED = (
    'every process imports your script: what runs in it belongs under `if __name__ == "__main__":`, and a '
    "class that is handed in outside of functions; or use jobs=1"
)
_handed: dict[tuple[str, str], Any] = {}  # by kind and name; of this process alone
_modules: dict[Path, tuple[str, ModuleType]] = {}  # with the hash of what was imported


def in_file(name: str) -> tuple[Path, str] | None:
    """The file and the name in it, where a method is named so."""
    found = _FILE.fullmatch(name)
    return None if found is None else (Path(found[1]), found[2])


def from_file(path: Path, name: str) -> Any:
    """What a file calls `name`; the file is imported, and may import those beside it."""
    if not path.is_file():
        raise CurateError(f"there is no file {path}: name one that is there, as in net.py:Net")
    module = _imported(path)
    if not hasattr(module, name):
        own = [
            one for one, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
        ]
        raise CurateError(f"{path} has no '{name}': {_among(own)}")
    return getattr(module, name)


def hand_in(kind: str, thing: Any) -> str:
    """The name by which an object or a class goes in this process; a name is given back as it is."""
    if isinstance(thing, str):
        return thing
    maker = thing if hasattr(thing, "__qualname__") else type(thing)
    name = f"{maker.__module__}:{maker.__qualname__}"
    _handed[kind, name] = thing
    return name


def handed_in(kind: str, name: str) -> Any:
    """The object that goes by a name; None for others."""
    return _handed.get((kind, name))


def refuse_unguarded() -> None:
    """Refuse to start processes from one that is still importing the user's script: it would wait forever."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise CurateError(UNGUARDED)


def for_other_processes() -> bytes:
    """What was handed in, for processes started by this one, as far as they can import it."""
    able = {}
    for name, thing in _handed.items():
        try:
            able[name] = pickle.dumps(thing)
        except (pickle.PicklingError, AttributeError, TypeError):
            continue
    return pickle.dumps(able)


def take_over(handed: bytes) -> None:
    """Have what another process was handed in."""
    for name, thing in pickle.loads(handed).items():  # noqa: S301  from the process that started this one
        _handed[name] = pickle.loads(thing)  # noqa: S301


def entry_points(group: str) -> "EntryPoints":
    """What installed packages offer to a group; what reads that takes longer to import than a help text."""
    from importlib.metadata import entry_points as offered

    return offered(group=group)


@cache
def packages(kind: str) -> "dict[str, EntryPoint]":
    """What installed packages bring of a kind, by name; of two of one name the first."""
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=f"curate.{kind}"), key=lambda point: point.value):
        found.setdefault(point.name.replace("_", "-"), point)
    return found


def from_package(point: "EntryPoint") -> Any:
    """What an entry point leads to."""
    try:
        return point.load()
    except Exception as problem:
        reason = " ".join(str(problem).split())[:120]
        raise CurateError(
            f"{point.name} of {package_of(point)[0]} is not importable ({type(problem).__name__}: {reason}): "
            "mend that package, or remove it"
        ) from problem


def package_of(point: "EntryPoint") -> tuple[str, str]:
    """The package that an entry point belongs to, and its version."""
    return (point.dist.name, point.dist.version) if point.dist else ("a package", "unknown")


def origin(kind: str, name: str) -> dict[str, str]:
    """Where a method from outside comes from, for the header of what it makes; empty for curate's own."""
    if (found := in_file(name)) is not None:
        return {"file": found[0].name, "file_sha256": hashlib.sha256(found[0].read_bytes()).hexdigest()}
    if handed_in(kind, name) is not None:
        return {"object": name}
    if (point := packages(kind).get(name.replace("_", "-"))) is not None:
        package, version = package_of(point)
        return {"package": package, "version": version}
    return {}


def called(name: str) -> str:
    """How a header calls a method: a file without its folder."""
    found = in_file(name)
    return name if found is None else f"{found[0].name}:{found[1]}"


class _FromSource(SourceFileLoader):
    """Compiles a file as it is now: bytecode kept from before is known by the second and the size alone."""

    def get_code(self, fullname: str) -> CodeType:
        """The code of the file."""
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


def _imported(path: Path) -> ModuleType:
    """The module of a file; imported once, and again when the file has changed."""
    path = path.resolve()
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    if path in _modules and _modules[path][0] == content:
        return _modules[path][1]
    name = f"curate_outside_{path.stem}_{content[:8]}"
    loader = _FromSource(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None, "there is a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look it up
    try:
        with _beside(path.parent):
            loader.exec_module(module)
    except Exception as problem:
        del sys.modules[name]
        reason = " ".join(str(problem).split())[:120]
        raise CurateError(f"{path.name} cannot be imported ({type(problem).__name__}: {reason})") from problem
    _modules[path] = (content, module)
    return module


@contextmanager
def _beside(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _among(names: list[str]) -> str:
    public = [name for name in names if not name.startswith("_")]
    return "it has " + ", ".join(public) if public else "it has nothing of its own"

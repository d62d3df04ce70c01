"""A recipe's text: found by name or path, its includes and its profile merged, its places remembered.

include = ["parts/lenet5.toml"]     shared parts, which this file overrides
[values]                            numbers and names that steps share: keep = [0.1, 0.3]; "$keep"
[every.replay]                      options of every step of one verb
[vectors]                           a step: the key that is a verb says which; the others are its options
embed = "$data"
[profiles.cpu.values]               what `--profile cpu` changes, table by table
"""

import re
import sysconfig
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curate.errors import CurateError
from curate.finder import nearest

Place = tuple[str, ...]  # the names that lead to a value
_INSTALLED = ("share", "curate", "recipes")


@dataclass(frozen=True)
class Text:
    """A recipe as written: its tables, and where each value stands, as `FILE:LINE`."""

    path: Path
    tables: dict[str, Any]
    lines: dict[Place, str] = field(default_factory=dict)

    def where(self, place: Place) -> str:
        """The line of a value, or of the nearest table around it that has one."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.lines:
                return self.lines[place[:length]]
        return str(self.path)


def folders() -> list[Path]:
    """Where recipes lie: beside this package in a checkout, else where pip installed them."""
    checkout = Path(__file__).parents[2] / "recipes"
    installed = Path(sysconfig.get_path("data"), *_INSTALLED)
    return [folder for folder in (checkout, installed) if folder.is_dir()]


def names() -> list[str]:
    """The names of the recipes that come with curate."""
    return sorted({file.stem for folder in folders() for file in folder.glob("*.toml")})


def find(recipe: str | Path) -> Path:
    """The file of a recipe: a path, or the name of one that comes with curate."""
    if Path(recipe).is_file():
        return Path(recipe)
    if Path(recipe).suffix == ".toml" or "/" in str(recipe):
        raise CurateError(f"there is no recipe {recipe}: name a .toml file, or {nearest('', names())}")
    for folder in folders():
        if (folder / f"{recipe}.toml").is_file():
            return folder / f"{recipe}.toml"
    raise CurateError(f"there is no recipe called '{recipe}': {nearest(str(recipe), names())}")


def read_text(recipe: str | Path, profile: str | None = None) -> Text:
    """The text of a recipe with what it includes, and with the changes of a profile."""
    path = find(recipe)
    text = _read(path, ())
    profiles = text.tables.pop("profiles", {})
    if not isinstance(profiles, dict) or not all(isinstance(one, dict) for one in profiles.values()):
        raise CurateError(f"{path}: profiles are tables: write [profiles.cpu.values]")
    if profile is None:
        return text
    if profile not in profiles:
        raise CurateError(f"{path} has no profile '{profile}': {nearest(profile, profiles)}")
    lines = {place[2:]: line for place, line in text.lines.items() if place[:2] == ("profiles", profile)}
    return Text(path, _merged(text.tables, profiles[profile]), text.lines | lines)


def _read(path: Path, above: tuple[Path, ...]) -> Text:
    if path.resolve() in above:
        raise CurateError(f"{path} includes itself: take it out of one `include`")
    try:
        written = path.read_text(encoding="utf-8")
        tables = tomllib.loads(written)
    except (OSError, UnicodeDecodeError) as problem:
        raise CurateError(f"{path} cannot be read ({problem}): name a recipe") from None
    except tomllib.TOMLDecodeError as problem:
        raise CurateError(f"{path} is not TOML: {problem}") from None
    lines = {place: f"{path}:{number}" for place, number in _places(written)}
    included = tables.pop("include", [])
    if not isinstance(included, list) or not all(isinstance(one, str) for one in included):
        raise CurateError(f'{path}: include={included} is not a list of files: write ["part.toml"]')
    below = Text(path, {})
    for name in included:
        part = path.parent / name
        if not part.is_file():
            raise CurateError(f"{path} includes {part}, which is not there: name a file beside the recipe")
        read = _read(part, (*above, path.resolve()))
        below = Text(path, _merged(below.tables, read.tables), below.lines | read.lines)
    return Text(path, _merged(below.tables, tables), below.lines | lines)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """One table over another: tables are merged, everything else is replaced."""
    result = dict(below)
    for name, value in above.items():
        under = result.get(name)
        if isinstance(under, dict) and isinstance(value, dict):
            result[name] = _merged(under, value)
        else:
            result[name] = value
    return result


_TABLE = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]?\]\s*(#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"'-]+)\s*=")


def _places(written: str) -> Iterator[tuple[Place, int]]:
    """Where tables and keys stand, for messages; a line of a longer text may be taken for a key."""
    table: Place = ()
    for number, line in enumerate(written.splitlines(), 1):
        if head := _TABLE.match(line):
            table = _names(head[1])
            yield table, number
        elif key := _KEY.match(line):
            yield (*table, *_names(key[1])), number


def _names(dotted: str) -> Place:
    return tuple(name.strip().strip("\"'") for name in dotted.split("."))

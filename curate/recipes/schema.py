"""What a step of a recipe may say: a verb, what it works on, and the options of that verb's command.

Everything that is wrong in a file is found at once.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate import finder
from curate.errors import CurateError
from curate.finder import nearest
from curate.recipes.claims import problems
from curate.recipes.options import EARLIER, METHODS, PARENTS, SCORED, VERBS, fits, in_words, options_of
from curate.recipes.reading import Place, Text
from curate.selection.budget import count_to_keep, in_shares

TABLES = ("values", "every", "report")
TEXTS = ("title", "about")
FIGURES = ("keep", "seconds", "samples", "distribution", "medians", "sweep", "scaling")


@dataclass(frozen=True)
class Step:
    """A step as written: every option has the list of its values, of which a grid is made.

    A value `$name` stands for that of the recipe's own. `label` says how its trials are called in tables.
    """

    name: str
    verb: str
    subject: tuple[Any, ...]
    options: Mapping[str, tuple[Any, ...]]
    label: str = ""


@dataclass(frozen=True)
class Recipe:
    """A recipe, checked: its values and steps, which controls it has, and what its report shows."""

    name: str
    title: str
    about: str
    values: Mapping[str, tuple[Any, ...]]
    steps: Mapping[str, Step]
    controls: tuple[str, ...]
    report: Mapping[str, Any]


CONTROLS = ("full", "early-stop", "random", "static-random")


def check(text: Text, given: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe in a text; CurateError with every error in it, one a line. `given` replaces values."""
    found = _Checked(text, dict(given or {}))
    recipe = found.recipe()
    if found.errors:
        count = len(found.errors)
        head = f"{text.path} has {count} error{'s' * (count > 1)}:"
        lines = [f"  {where}: {error}" for where, error in sorted(found.errors, key=_in_the_file)]
        raise CurateError("\n".join([head, *lines]))
    return recipe


class _Checked:
    """A text while it is checked; errors are gathered."""

    def __init__(self, text: Text, given: dict[str, Any]) -> None:
        self._text, self._given = text, given
        self.errors: list[tuple[str, str]] = []  # where, and what

    def recipe(self) -> Recipe:
        tables = self._text.tables
        values = self._values(tables)
        every = self._table("every")
        for verb, options in every.items():
            if verb not in VERBS:
                self._wrong(("every", verb), f"{verb} is no verb of recipes: {nearest(verb, VERBS)}")
            elif not isinstance(options, dict):
                self._wrong(("every", verb), f"is not a table: write [every.{verb}]")
        steps = {}
        for name, table in tables.items():
            if name in (*TABLES, *TEXTS, "controls"):
                continue
            if not isinstance(table, dict):
                known = [*TEXTS, "include", "controls", *TABLES]
                self._wrong((name,), f"is neither a step nor one of recipes: {nearest(name, known)}")
                continue
            step = self._step(name, table, every, values)
            if step is not None:
                steps[name] = step
        for step in steps.values():
            self._references(step, steps)
        if not steps and not self.errors:
            self._wrong((), 'has no steps: write one, such as [vectors] with embed = "digits"')
        return Recipe(
            name=self._text.path.stem,
            title=self._string("title", self._text.path.stem),
            about=self._string("about", "").strip(),
            values=values,
            steps=steps,
            controls=self._controls(tables.get("controls")),
            report=self._report(),
        )

    def _values(self, tables: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
        values = dict(self._table("values"))
        for name, value in self._given.items():
            if name not in values:
                self._wrong(("values",), f"has no value '{name}' to set: {nearest(name, values)}")
            values[name] = value
        result = {}
        for name, value in values.items():
            result[name] = tuple(value) if isinstance(value, list) else (value,)
            if not result[name] or any(isinstance(one, dict | list) for one in result[name]):
                self._wrong(("values", name), "is neither a value nor a list of some")
        return result

    def _step(
        self, name: str, table: dict[str, Any], every: Mapping[str, Any], values: Mapping[str, Any]
    ) -> Step | None:
        verbs = [key for key in table if key in VERBS]
        if len(verbs) != 1:
            problem = f"names {len(verbs)} verbs" if verbs else "names no verb"
            likely = next((nearest(key, VERBS) for key in table if "did you" in nearest(key, VERBS)), None)
            self._wrong((name,), f"{problem}: {likely or 'give it one of ' + ', '.join(VERBS)}")
            return None
        (verb,) = verbs
        shared = every.get(verb, {})
        written = {**(shared if isinstance(shared, dict) else {}), **table}
        label = written.pop("label", "")
        if not isinstance(label, str):
            self._wrong((name, "label"), f"{label} is not text")
        subject = self._grid((name, verb), written.pop(verb), values, str)
        settings = written.pop("set", {})
        options: dict[str, tuple[Any, ...]] = {}
        known = options_of(verb)
        for key, value in written.items():
            place = self._place(name, verb, key)
            if key not in known:
                self._wrong(place, f"{verb} has no option '{key}': {nearest(key, [*known, 'set', 'label'])}")
                continue
            options[key] = self._grid(place, value, values, known[key])
            self._kept(place, key, options[key], values)
        if not isinstance(settings, dict):
            self._wrong((name, "set"), "is not a table: write set = { confidence = 1.0 }")
            settings = {}
        methods = self._methods(name, verb, options, values)
        for key, value in settings.items():
            place = self._place(name, verb, "set", key)
            options[f"set.{key}"] = self._grid(place, value, values, None)
            self._settable(place, key, options[f"set.{key}"], methods, values)
        return Step(name, verb, subject, options, str(label))

    def _grid(self, place: Place, value: Any, values: Mapping[str, Any], hint: Any) -> tuple[Any, ...]:
        """The values of an option, each of the type that its command wants."""
        grid = tuple(value) if isinstance(value, list) else (value,)
        if not grid:
            self._wrong(place, "is an empty list: give it a value")
        for one in self._meant(place, grid, values):
            if isinstance(one, float) and not math.isfinite(one):
                self._wrong(place, f"{one} is not a finite number")
            elif hint is not None and not fits(one, hint):
                self._wrong(place, f"{one!r} is not {in_words(hint)}")
            elif isinstance(one, dict | list):
                self._wrong(place, f"{one!r} is neither a value nor a list of some")
        return grid

    def _meant(self, place: Place, grid: tuple[Any, ...], values: Mapping[str, Any]) -> Iterator[Any]:
        """The values of a grid, with those that a `$name` stands for."""
        for one in grid:
            if not (isinstance(one, str) and one.startswith("$")):
                yield one
            elif one[1:] in values:
                yield from values[one[1:]]
            else:
                self._wrong(place, f"there is no value '{one[1:]}' in [values]: {nearest(one[1:], values)}")

    def _kept(self, place: Place, key: str, grid: tuple[Any, ...], values: Mapping[str, Any]) -> None:
        if key != "keep":
            return
        for one in self._meant(place, grid, values):
            try:
                if "%" in str(one):
                    raise CurateError(f"keep={one} is a percentage: use {in_shares(one)}")
                for part in str(one).split(":"):
                    count_to_keep(part, 2**62)
            except CurateError as problem:
                self._wrong(place, str(problem))

    def _methods(
        self, name: str, verb: str, options: Mapping[str, tuple[Any, ...]], values: Mapping[str, Any]
    ) -> list[tuple[str, str]]:
        """The methods that a step names, as kind and name; wrong names are errors."""
        found = []
        for key, (kind, default) in METHODS[verb].items():
            grid = options.get(key, (default,) if default else ())
            for one in self._meant((name, key), tuple(grid), values):
                if finder.knows(kind, str(one)):
                    found.append((kind, str(one)))
                elif isinstance(one, str):
                    label = finder.KINDS[kind].label
                    wanted = nearest(one.replace("_", "-"), finder.names(kind))
                    self._wrong(self._place(name, verb, key), f"there is no {label} '{one}': {wanted}")
        return found

    def _settable(
        self,
        place: Place,
        key: str,
        grid: tuple[Any, ...],
        methods: list[tuple[str, str]],
        values: Mapping[str, Any],
    ) -> None:
        """An option of a method must be one of a method that is named, and every value must fit it."""
        having = [one for one in methods if key.replace("-", "_") in finder.option_names(finder.load(*one))]
        if not having:
            known = [option for one in methods for option in finder.option_names(finder.load(*one))]
            self._wrong(place, f"no method here has an option '{key}': {nearest(key, known)}")
            return
        kind, name = having[-1]
        for one in self._meant(place, grid, values):
            try:
                finder.configure(finder.load(kind, name), {key: one}, f"{finder.KINDS[kind].label} {name}")
            except CurateError as problem:
                self._wrong(place, str(problem))
            except TypeError:  # an option that the method needs beside this one, such as its manifest
                continue

    def _references(self, step: Step, steps: Mapping[str, Step]) -> None:
        """What names a step must name one that is there, of a kind that its verb can work on."""
        for one in (named for named in step.subject if isinstance(named, str)):
            verbs = SCORED if step.verb == "score" and one in steps else PARENTS.get(step.verb)
            self._reference((step.name, step.verb), one, steps, verbs)
        for one in (named for named in step.options.get("from", ()) if isinstance(named, str)):
            self._reference((step.name, "from"), one, steps, EARLIER)

    def _reference(
        self, place: Place, one: str, steps: Mapping[str, Step], verbs: tuple[str, ...] | None
    ) -> None:
        if verbs is not None and one not in steps and not Path(one).exists():
            likely = nearest(one, [name for name in steps if name != place[0]])
            self._wrong(place, f"there is no step or file '{one}': {likely}")
        if one in steps and steps[one].verb not in (verbs or ()):
            what = "steps of " + " or ".join(verbs) if verbs else "a dataset"
            self._wrong(place, f"names a step of {steps[one].verb}, [{one}]: it works on {what}")

    def _controls(self, written: Any) -> tuple[str, ...]:
        if written is None:
            return CONTROLS
        if not isinstance(written, list):
            self._wrong(("controls",), f"{written!r} is not a list: write controls = {list(CONTROLS)}")
            return ()
        for one in written:
            if one not in CONTROLS:
                self._wrong(("controls",), f"there is no control '{one}': {nearest(str(one), CONTROLS)}")
        return tuple(one for one in CONTROLS if one in written)

    def _report(self) -> dict[str, Any]:
        report = self._table("report")
        known = {"figures": list, "sweep": list, "claims": list}
        for key, value in report.items():
            if key not in known:
                self._wrong(("report", key), f"reports have no '{key}': {nearest(key, known)}")
            elif not isinstance(value, known[key]):
                self._wrong(("report", key), f"{value!r} is not {in_words(known[key])}")
        for figure in report.get("figures", []):
            if figure not in FIGURES:
                self._wrong(("report", "figures"), f"no figure '{figure}': {nearest(str(figure), FIGURES)}")
        for problem in problems(report.get("claims", [])):
            self._wrong(("report", "claims"), problem)
        return dict(report)

    def _table(self, name: str) -> dict[str, Any]:
        table = self._text.tables.get(name, {})
        if not isinstance(table, dict):
            self._wrong((name,), f"is not a table: write [{name}]")
            return {}
        return table

    def _string(self, name: str, default: str) -> str:
        value = self._text.tables.get(name, default)
        if not isinstance(value, str):
            self._wrong((name,), f"{value!r} is not text")
            return default
        return value

    def _place(self, name: str, verb: str, *keys: str) -> Place:
        """Where an option of a step stands: in the step, or in what every step of its verb has."""
        own = (name, *keys)
        shared = ("every", verb, *keys)
        return shared if own not in self._text.lines and shared in self._text.lines else own

    def _wrong(self, place: Place, text: str) -> None:
        error = (self._text.where(place), f"{_called(place)}{text}")
        if error not in self.errors:
            self.errors.append(error)


def _in_the_file(error: tuple[str, str]) -> tuple[str, int]:
    """The order of errors: that of their lines."""
    file, _, line = error[0].rpartition(":")
    return (file, int(line)) if line.isdigit() else (error[0], 0)


def _called(place: Place) -> str:
    if not place:
        return ""
    table, *keys = place
    return f"[{table}] {'.'.join(keys)} " if keys else f"[{table}] "

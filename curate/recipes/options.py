"""The verbs that steps of recipes can be of, and the options that each has.

The options are read off the verbs themselves, so a new option of a command is one of recipes too.
"""

import importlib
import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any

from curate.data.dataset import Options
from curate.networks.model import DEFAULT_MODEL, Hyperparameters

PARENTS = {  # the verbs whose steps a verb works on; embed and train work on datasets, score on either
    "cluster": ("embed",),
    "select": ("cluster", "score"),
    "replay": ("select", "train"),
}
EARLIER = ("select", "train", "cluster", "score")  # what `from` can name
SCORED = ("embed", "cluster", "train")  # what `score` can read beside datasets; of a `train`, its trace
VERBS = ("embed", "cluster", "score", "select", "train", "replay")
# The options of a verb that name a method: the kind of method, and which it is where none is named.
METHODS: dict[str, dict[str, tuple[str, str | None]]] = {
    "embed": {"method": ("embedders", "pca")},
    "cluster": {},
    "score": {"method": ("scorers", "el2n"), "model": ("models", DEFAULT_MODEL)},
    "select": {"strategy": ("strategies", None)},
    "train": {"model": ("models", DEFAULT_MODEL), "policy": ("policies", "full")},
    "replay": {"model": ("models", DEFAULT_MODEL)},
}
_RUNS = ("output", "results", "force", "fresh", "progress", "jobs", "device", "against", "count_scoring")
_GATHERED = ("opening", "options", "hyperparameters")
_NOT_THEIRS = {"cluster": ("data",)}


@cache
def options_of(verb: str) -> dict[str, Any]:
    """The options that a step of a verb may have, named as its command names them, with their types."""
    function = verb_of(verb)
    hints: dict[str, Any] = typing.get_type_hints(function)
    _subject, *rest = inspect.signature(function).parameters
    others = (*_RUNS, *_GATHERED, *_NOT_THEIRS.get(verb, ()))
    named = [name for name in rest if name not in others]
    own = {_dashed(name): hints[name] for name in named}
    if "opening" in rest:
        opened: dict[str, Any] = typing.get_type_hints(Options)
        own |= {_dashed(name): hint for name, hint in opened.items()}
    if "hyperparameters" in rest:
        trained: dict[str, Any] = typing.get_type_hints(Hyperparameters)
        own |= {_dashed(name): hint for name, hint in trained.items() if name != "n_epochs"}
        own |= {} if "epochs" in own else {"epochs": int}
    if verb in ("train", "replay"):
        own["trials"] = int
    return {name: _plain(hint) for name, hint in own.items()}


def verb_of(name: str) -> Callable[..., Any]:
    """The function of a verb."""
    return getattr(importlib.import_module(f"curate.verbs.{name}"), name)


def fields_of_opening() -> list[str]:
    """The options that say how a dataset is opened, as a command writes them."""
    return [_dashed(field.name) for field in fields(Options)]


def hyperparameters_of() -> list[str]:
    """The options that say how a network is trained, as a command writes them."""
    names = [_dashed(field.name) for field in fields(Hyperparameters) if field.name != "n_epochs"]
    return ["epochs", *names]


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type, or of one of several; a whole number is a number too."""
    kinds = hint if isinstance(hint, tuple) else (hint,)
    if isinstance(value, bool):
        return bool in kinds
    return isinstance(value, tuple(kinds)) or (isinstance(value, int) and float in kinds)


def in_words(hint: Any) -> str:
    """A type, or several, as an error says it."""
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false", list: "a list"}
    kinds = hint if isinstance(hint, tuple) else (hint,)
    return " or ".join(dict.fromkeys(words[kind] for kind in kinds))


def _dashed(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _plain(hint: Any) -> tuple[type, ...]:
    """The plain types of an annotation: those that TOML can say."""
    parts = typing.get_args(hint) if _is_union(hint) else (hint,)
    plain = [part for part in parts if part in (str, int, float, bool)]
    return tuple(plain) or (str,)


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)

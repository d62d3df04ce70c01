"""What the JSON of a header has to be, before a header is made of it: types, ranges, lengths, depth.

What curate reads of a header is checked by name, where it stands. What it does not read, such as an option of
a method, may be anything that is plain, short and flat enough to be shown.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

MOST_BYTES = 64 * 2**20  # of a header
_MOST_NAMES, _MOST_STEPS, _DEEPEST, _LONGEST = 2_000_000, 10_000, 12, 4096
_HEXADECIMAL = re.compile(r"[0-9a-f]{64}")
_MOST = 2**63
_LARGEST_OPTION = 4096  # of a model: a width, a depth

Check = Callable[[Any], bool]


def parsed(text: str | bytes) -> Any:
    """What JSON says; ValueError where it is none, too long, or nested without end."""
    if len(text) > MOST_BYTES:
        raise ValueError(f"{len(text):,} bytes of JSON")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested without end") from None


def check_header(plain: Mapping[str, Any]) -> None:
    """Refuse, with a ValueError that names it, what cannot be the header of an artifact."""
    _check_fields(plain, _HEADER, _ALWAYS, "")
    _check_fields(plain["dataset"], _DATASET, _DATASET_ALWAYS, "dataset.")
    _check_fields(plain["summary"], _SUMMARY, _SUMMARY_ALWAYS.get(plain["kind"], ()), "summary.")
    if "selected" in plain["summary"] and not plain["summary"].get("checkpoints"):
        raise ValueError("summary.checkpoints is missing")
    _check_options(plain, "")
    for number, step in enumerate(plain["lineage"]):
        _check_fields(step, _STEP, ("command", "options", "seed"), f"lineage.{number}.")
        _check_options(step, f"lineage.{number}.")


def _check_options(step: Mapping[str, Any], where: str) -> None:
    known = _OPTIONS.get(step["command"], {})
    _check_fields(step["options"], known, (), f"{where}options.")


def _check_fields(
    plain: Mapping[str, Any], known: Mapping[str, Check], always: tuple[str, ...], where: str
) -> None:
    for name in always:
        if name not in plain:
            raise ValueError(f"{where}{name} is missing")
    for name, value in plain.items():
        if not known.get(name, _is_plain)(value):
            raise ValueError(f"{where}{name}={json.dumps(value)[:60]}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and _HEXADECIMAL.fullmatch(value) is not None


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    """A number of a size that can be computed with; NaN and infinity are none."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and -_MOST < value < _MOST and math.isfinite(value)


def _whole(least: int, most: int = _MOST) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value < most


def _maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _all(check: Check, most: int = _MOST_NAMES) -> Check:
    return lambda value: isinstance(value, list) and len(value) <= most and all(map(check, value))


def _by_name(check: Check) -> Check:
    return lambda value: (
        isinstance(value, dict) and len(value) <= _MOST_NAMES and all(map(check, value.values()))
    )


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Anything of JSON that can be shown."""
    if isinstance(value, dict):
        return depth < _DEEPEST and all(
            _is_text(name) and _is_plain(one, depth + 1) for name, one in value.items()
        )
    if isinstance(value, list):
        return depth < _DEEPEST and all(_is_plain(one, depth + 1) for one in value)
    return value is None or isinstance(value, bool) or _is_text(value) or _is_number(value)


def is_modest(options: Mapping[str, Any]) -> bool:
    """Whether options read in a file can build a network: no number asks for more than a large one has."""
    return all(
        not isinstance(value, int | float) or -_LARGEST_OPTION <= value <= _LARGEST_OPTION
        for value in options.values()
    )


def _is_options(value: Any) -> bool:
    return isinstance(value, dict) and _is_plain(value)


def _fields(known: Mapping[str, Check], always: tuple[str, ...]) -> Check:
    """An object that has these fields and no others."""
    return lambda value: (
        isinstance(value, dict)
        and all(name in value for name in always)
        and all(name in known and known[name](one) for name, one in value.items())
    )


_COLUMN: dict[str, Check] = {
    "hard_is": lambda side: side in ("high", "low"),
    "unit": _is_text,
    "unlearned_beyond": _maybe(_is_number),
}
_COST: dict[str, Check] = {"seconds": _is_number, "samples_seen": _whole(0), "models_at_once": _whole(1)}
_is_column, _is_cost = _fields(_COLUMN, ("hard_is",)), _fields(_COST, ("seconds", "samples_seen"))
_HEADER: dict[str, Check] = {
    "format": _whole(1),
    "kind": _is_text,
    "dataset": lambda value: isinstance(value, dict),
    "command": _is_text,
    "options": _is_options,
    "seed": _whole(0),
    "parents": _by_name(_is_hash),
    "lineage": _all(lambda step: isinstance(step, dict), _MOST_STEPS),
    "summary": lambda value: isinstance(value, dict),
    "versions": _by_name(_is_text),
    "device": _is_text,
    "n_threads": _whole(1),
    "world_size": _whole(1),
    "cost": _is_cost,
    "columns": _by_name(_is_column),
    "files": _by_name(_is_hash),
    "sha256": _is_hash,
}
_ALWAYS = tuple(name for name in _HEADER if name not in ("cost", "columns", "files", "sha256"))
_STEP: dict[str, Check] = {"command": _is_text, "options": _is_options, "seed": _whole(0), "cost": _is_cost}
_DATASET: dict[str, Check] = {
    "reference": _is_text,
    "split": _is_text,
    "n": _whole(0, 2**40),
    "classes": _all(_is_text),
    "fingerprint": _is_text,
    "image_size": _maybe(_whole(1, 2**12 + 1)),
    "channels": _maybe(_whole(1, 4)),
    "image_column": _maybe(_is_text),
    "label_column": _maybe(_is_text),
    "skip_corrupt": _is_flag,
    "skipped": _all(_is_text),
    "vectors_only": _is_flag,
    "n_rows": _maybe(_whole(0, 2**40)),
}
_DATASET_ALWAYS = ("reference", "split", "n", "classes", "fingerprint")
_SHARES = _by_name(_is_number)
_SUMMARY: dict[str, Check] = {
    **dict.fromkeys(("policy", "strategy", "regime", "why", "model"), _is_text),
    **dict.fromkeys(("n_epochs", "n_models", "k", "dim", "shard", "n_shards"), _whole(1)),
    **dict.fromkeys(
        ("n", "n_kept", "n_empty", "n_tiny", "largest", "n_trained_on", "samples_seen", "n_groups"), _whole(0)
    ),
    **dict.fromkeys(("n_selected_per_epoch", "keep", "objective", "mean_squared_error"), _is_number),
    **dict.fromkeys(("test_accuracy", "test_worst_class", "test_loss", "last_gain"), _maybe(_is_number)),
    **dict.fromkeys(("history", "explained_variance_ratio"), _all(_is_number)),
    "checkpoints": _all(_whole(0)),
    "selected": lambda value: _SHARES(value) and {"none", "all"} <= value.keys(),
    "groups": _by_name(lambda group: _SHARES(group) and "weight" in group),
    "random_explains_groups": _is_flag,
}
_SUMMARY_ALWAYS = {
    "manifest": ("n_epochs", "n_selected_per_epoch", "keep"),
    "clusters": ("k", "objective", "history", "n_trained_on", "n_empty", "n_tiny", "largest"),
    "trace": ("n_epochs", "n_models", "samples_seen"),
}
_RECIPE: dict[str, Check] = {"n_epochs": _whole(1, 100_001), "batch_size": _whole(1, 2**24 + 1)}
_TRAINED: dict[str, Check] = {
    "model": _is_text,
    "policy": _is_text,
    "test": _maybe(_is_text),
    "n_models": _whole(1),
    "n_epochs": _whole(1),
    "model_options": lambda value: _is_options(value) and is_modest(value),
    "recipe": lambda value: (
        _is_options(value) and all(check(value[name]) for name, check in _RECIPE.items() if name in value)
    ),
    **dict.fromkeys(("policy_options", "session", "start"), _is_options),
}
_OPTIONS: dict[str, dict[str, Check]] = {"train": _TRAINED, "score": _TRAINED, "pruner": {"policy": _is_text}}

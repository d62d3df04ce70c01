"""What saved weights say of their model, read without torch, and whether they are those that were saved."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curate.artifacts.header_schema import is_modest, parsed
from curate.artifacts.kinds import MANIFEST, MODEL, header_at, kind_of, safetensors_metadata
from curate.artifacts.reading import size_of
from curate.artifacts.seal import file_sha256
from curate.errors import CurateError, DamagedError

SAVED = "model.safetensors"  # in the folder of a `curate train`
_MOST_SIDE = 4096


def check_weights(path: Path) -> None:
    """Refuse weights that are not those whose hash lies beside them, in the manifest of their run."""
    size_of(path)
    if not (path.parent / MANIFEST).is_file():
        return
    header = header_at(path.parent) or {}
    files = header.get("files")
    expected = files.get(path.name) if isinstance(files, Mapping) else None
    if expected is not None and file_sha256(path) != expected:
        raise DamagedError(f"{path} is damaged: its sha256 is not the one in {MANIFEST}; copy it anew")


def about_model(metadata: Mapping[str, str] | None, path: Path) -> dict[str, Any]:
    """What the metadata of saved weights say of their model: name, options, channels, classes, input."""
    text = (metadata or {}).get(MODEL)
    if text is None:
        raise CurateError(f"{path} was not saved by `curate train`: it does not name its model")
    try:
        about: dict[str, Any] = parsed(text)
        _check(about)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DamagedError(
            f"{path} is damaged: it does not say what model it is ({str(problem)[:80]}); copy it anew"
        ) from None
    return about


def about_weights(path: Path) -> dict[str, Any] | None:
    """What the weights of a `curate train`, a file or its folder, say of their model; None for others."""
    saved = path / SAVED if path.is_dir() else path
    if kind_of(saved) != "model":
        return None
    return about_model(safetensors_metadata(saved), saved)


def _check(about: Mapping[str, Any]) -> None:
    """KeyError, TypeError or ValueError for what `curate train` did not write."""
    numbers, n_channels = [about["n_channels"], *about["input_size"]], about["n_channels"]
    texts = [about["model"], *about["classes"], *about["options"]]
    if len(numbers) != 3 or not all(type(one) is int and 1 <= one <= _MOST_SIDE for one in numbers):
        raise ValueError(f"channels and input size {numbers!r}"[:80])
    if not (isinstance(about["classes"], list) and all(isinstance(text, str) for text in texts)):
        raise ValueError("model, classes and options that are no words")
    scale = about["normalization"]
    if scale.keys() != {"mean", "std"} or not all(_is_scale(one, n_channels) for one in scale.values()):
        raise ValueError(f"normalization {scale!r}"[:80])
    if not (isinstance(about["options"], dict) and is_modest(about["options"])):
        raise ValueError(f"options {about['options']!r}"[:80])


def _is_scale(values: Any, n_channels: int) -> bool:
    """Whether these are numbers of pixels, one for each channel."""
    is_list = isinstance(values, list) and len(values) == n_channels
    return is_list and all(type(one) in (int, float) and abs(one) < _MOST_SIDE for one in values)

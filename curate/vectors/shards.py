"""Vectors in several files, one behind another: none is missing, and all are of one width."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import CurateError
from curate.vectors.foreign import Foreign, open_foreign

_OF = re.compile(r"^(.*?)(\d+)-of-(\d+)(.*)$")


def open_shards(files: list[Path]) -> Foreign:
    """The vectors of all files in the order given; labels where every file has its own."""
    check_complete(files)
    shards = [open_foreign(file) for file in files]
    for file, shard in zip(files, shards, strict=True):
        if len(shard.shape) != 2 or shard.shape[1:] != shards[0].shape[1:]:
            raise CurateError(
                f"{file} has shape {shard.shape} and {files[0]} has {shards[0].shape}: shards are matrices "
                "of one width"
            )
    lengths = [shard.shape[0] for shard in shards]
    labels = [shard.labels for shard in shards if shard.labels is not None]
    return Foreign(
        [sum(lengths), shards[0].shape[1]],
        reader_of(lengths, [shard.read for shard in shards]),
        np.concatenate(labels) if len(labels) == len(shards) else None,
    )


def reader_of(
    lengths: Sequence[int], reads: Sequence[Callable[[int, int], npt.NDArray[Any]]]
) -> Callable[[int, int], npt.NDArray[Any]]:
    """What reads rows of shards of these lengths, one behind another, each of which is read by its own."""
    ends = np.cumsum(lengths)

    def read(start: int, stop: int) -> npt.NDArray[Any]:
        first, parts = int(np.searchsorted(ends, start, side="right")), []
        for number in range(first, len(reads)):
            begin = int(ends[number - 1]) if number else 0
            if begin >= stop:
                break
            last = min(stop - begin, lengths[number])
            parts.append(np.asarray(reads[number](max(0, start - begin), last), dtype=np.float32))
        return np.concatenate(parts) if len(parts) != 1 else parts[0]

    return read


def check_complete(files: list[Path]) -> None:
    """Refuse shards whose numbers tell that one is missing, or that are not of one kind."""
    endings = {file.suffix for file in files}
    if len(endings) > 1:
        raise CurateError(
            f"{files[0].parent} has vectors in {' and '.join(sorted(endings))}: name those of one ending, "
            f"such as '{files[0].parent}/*{files[0].suffix}'"
        )
    told = [_OF.match(file.stem) for file in files]
    if all(told):
        total, numbers = {int(one[3]) for one in told if one}, [int(one[2]) for one in told if one]
        if len(total) == 1:
            first = min(numbers[0], 1)
            missing = sorted(set(range(first, first + total.pop())) - set(numbers))
            _refuse(missing, files)
        return
    parts = [re.split(r"(\d+)", file.stem) for file in files]
    if len({len(one) for one in parts}) > 1 or len(files) < 2:
        return
    differing = [place for place, words in enumerate(zip(*parts, strict=True)) if len(set(words)) > 1]
    if len(differing) == 1 and differing[0] % 2:
        numbers = [int(one[differing[0]]) for one in parts]
        _refuse([number for one, other in pairwise(numbers) for number in range(one + 1, other)], files)


def _refuse(missing: list[int], files: list[Path]) -> None:
    if missing:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise CurateError(
            f"{files[0].parent} lacks shard {missing[0]}{more} among {files[0].name} to {files[-1].name}: "
            "copy it there"
        )

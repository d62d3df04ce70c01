"""Scores that were made elsewhere, as a table like any other: checked, sealed and tied to their samples."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from curate import world
from curate.artifacts.header import HardIs, RankingColumn, make_header
from curate.artifacts.seal import file_sha256
from curate.artifacts.standing import check_free
from curate.artifacts.tables import Column, Table, write_table
from curate.data.dataset import Dataset, Options, open_dataset
from curate.data.identity import match
from curate.errors import CurateError, MismatchError
from curate.finder import nearest
from curate.progress import Progress
from curate.verbs.naming import output_path, stem
from curate.verbs.score_table import samples_of, standing_scores

Given = str | Path | npt.ArrayLike | Mapping[str, npt.ArrayLike]
BY = ("index", "row", "uid", "name")
SUFFIXES = (".npy", ".csv", ".parquet")
_TAKEN = ("index", "row", "uid", "label", "name")


def score_given(
    dataset: str | Dataset,
    values: Given,
    *,
    hard_is: str,
    by: str | None,
    opening: Options,
    output: str | Path | None,
    force: bool,
    progress: Progress,
) -> Table:
    """Write the scores that `values` gives; see `curate.score`."""
    if world.here().size > 1:
        raise CurateError("a score from elsewhere is brought in by one process: start it without torchrun")
    if hard_is not in ("high", "low"):
        raise CurateError(f"hard-is={hard_is} is unknown: say whether high or low is hard")
    if by is not None and by not in BY:
        raise CurateError(f"by={by} is unknown: {nearest(by, BY)}")
    file = Path(values) if isinstance(values, str | Path) else None
    given = _read(file) if file is not None else _columns(values, "score")
    data = open_dataset(dataset, opening, progress)
    called = "scores" if file is None else file.stem
    path = output_path(output, f"{stem(data.reference)}-{stem(called)}.parquet")
    check_free(path, force, "score")
    key, numbers = _parted(given, by)
    places, n_aside = _places(data, key, given, file)
    columns = {column: _finite(column, numbers[column][places]) for column in numbers}
    if n_aside:
        progress.note(f"{n_aside:,} scores are of samples that {data.reference} does not have: left aside")
    header = make_header(
        "scores",
        "score",
        {
            "method": ",".join(columns),
            "from": "values" if file is None else file.name,
            **({} if file is None else {"file_sha256": file_sha256(file)}),
            "by": key,
            "hard_is": hard_is,
        },
        seed=0,
        dataset=data.header(),
        columns={column: RankingColumn(cast(HardIs, hard_is)) for column in columns},
    )
    if standing := standing_scores(path, header, {}, force or file is None, progress):
        return standing
    return write_table(path, header, {**samples_of(data), **columns}, force)


def _read(file: Path) -> dict[str, npt.NDArray[Any]]:
    """The columns of a file."""
    import polars as pl

    if file.suffix not in SUFFIXES:
        raise CurateError(f"{file} is no file of scores: use {', '.join(SUFFIXES)}")
    if not file.is_file():
        raise CurateError(f"there is no file {file}")
    try:
        if file.suffix == ".npy":
            return _columns(np.load(file, allow_pickle=False), file.stem)
        frame = pl.read_csv(file) if file.suffix == ".csv" else pl.read_parquet(file)
        frame = frame.cast({pl.Int128: pl.UInt64})  # what CSV makes of a large uid
    except (OSError, ValueError, pl.exceptions.PolarsError) as problem:
        reason = " ".join(str(problem).split())[:120]
        raise CurateError(f"{file} is not a readable file of scores ({reason})") from None
    return {column: frame[column].to_numpy() for column in frame.columns}


def _columns(values: Any, name: str) -> dict[str, npt.NDArray[Any]]:
    """An array as a column, or columns as they are."""
    if isinstance(values, Mapping):
        return {str(key): np.asarray(value) for key, value in values.items()}
    array = np.asarray(values)
    if array.ndim != 1:
        raise CurateError(f"the scores have shape {list(array.shape)}: give one number for each sample, [n]")
    return {name: array}


def _parted(given: Mapping[str, npt.NDArray[Any]], by: str | None) -> tuple[str, dict[str, npt.NDArray[Any]]]:
    """By what samples are known, and the columns of scores under names that a table can have."""
    if by is not None and by not in given and len(given) > 1 and by in ("uid", "name"):
        raise CurateError(f"there is no column '{by}': {nearest(by, given)}")
    words = [name for name, column in given.items() if column.dtype.kind in "OUS"]
    found = by or next((one for one in ("uid", "index", "row", "name") if one in given), None)
    key = found or ("name" if words else "row")
    numbers: dict[str, npt.NDArray[Any]] = {}
    for name, column in given.items():
        if name in _TAKEN or name in words:
            continue
        if column.dtype.kind not in "iufb":
            raise CurateError(f"{name} is of type {column.dtype}: scores are plain numbers")
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "score"
        numbers[f"{plain}_score" if plain in _TAKEN else plain] = column.astype(np.float64)
    if not numbers:
        raise CurateError(
            f"there is no column of numbers beside {', '.join(given) or 'nothing'}: give a score"
        )
    return key, numbers


def _places(
    data: Dataset, key: str, given: Mapping[str, npt.NDArray[Any]], file: Path | None
) -> tuple[npt.NDArray[np.int64], int]:
    """Where the score of each sample stands, and how many scores are of others."""
    n_given = len(next(iter(given.values())))
    if any(len(column) != n_given for column in given.values()):
        raise CurateError("the columns are of different lengths: give one value of each for every sample")
    if key == "uid":
        places = match(data.uids, _uids(given["uid"]))
    else:
        wanted, there = _keys(data, key, given, n_given)
        if len(np.unique(there)) < len(there):
            values, counts = np.unique(there, return_counts=True)
            raise CurateError(
                f"{key} {values[counts > 1][0]} stands there {counts.max()} times: give each once"
            )
        order = np.argsort(there)
        found = np.minimum(np.searchsorted(there[order], wanted), max(0, n_given - 1))
        places = (
            np.where(there[order][found] == wanted, order[found], -1) if n_given else np.full(len(data), -1)
        )
    missing = np.flatnonzero(places < 0)
    if len(missing):
        raise MismatchError(
            f"{file or 'what was given'} has {n_given:,} scores, by {key}, and none for {len(missing):,} of "
            f"{len(data):,} samples of {data.reference}, such as sample {missing[0]} "
            f"({_called(data, key, int(missing[0]))}): say with --by what they are known by"
        )
    return places, n_given - len(np.unique(places))


def _keys(
    data: Dataset, key: str, given: Mapping[str, npt.NDArray[Any]], n_given: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """What each sample is known by, and what each score is of."""
    if key == "name":
        text = next(column for name, column in given.items() if name == "name" or column.dtype.kind in "OUS")
        there = np.array([Path(str(one)).name for one in text])
        return np.array([Path(data.name(index)).name for index in range(len(data))]), there
    there = given[key] if key in given else np.arange(n_given)
    if there.dtype.kind not in "iu":
        raise CurateError(f"{key} is of type {there.dtype}: it has to be whole numbers")
    return (data.rows if key == "row" else np.arange(len(data))), there.astype(np.int64)


def _uids(column: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    if column.dtype.kind in "iu":
        return column.astype(np.uint64)
    try:
        return np.array([int(str(one), 16) for one in column], np.uint64)
    except (ValueError, OverflowError):
        raise CurateError("uid holds what is none: write numbers, or 16 hexadecimal digits") from None


def _called(data: Dataset, key: str, index: int) -> str:
    """How a sample goes by that key."""
    if key == "uid":
        return f"uid {data.uids[index]:016x}"
    return data.name(index) if key == "name" else f"row {data.rows[index]}"


def _finite(name: str, values: npt.NDArray[Any]) -> Column:
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise CurateError(
            f"{name} of sample {wrong[0]} is {values[wrong[0]]} ({len(wrong):,} such): give a number for each"
        )
    return values

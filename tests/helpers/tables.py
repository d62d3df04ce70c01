"""Tables and traces written by hand, small enough to work out what must come of them."""

from pathlib import Path

import numpy as np

from curate.artifacts.header import DatasetReference, RankingColumn, make_header
from curate.artifacts.tables import Table, write_table
from curate.scores.trace import Seen, Trace, open_trace, write_part, write_trace


def clusters_table(
    path: Path,
    cluster: list[int],
    distance: list[float],
    *,
    uid: list[int] | None = None,
    label: list[int] | None = None,
    seal: bool = False,
) -> Table:
    """A table of clusters written by hand."""
    n = len(cluster)
    uids = np.array(uid if uid is not None else range(n), np.uint64)
    classes = [] if label is None else [str(number) for number in range(max(label) + 1)]
    dataset = DatasetReference("hand", "all", n, classes, "0" * 64)
    ranking = {"distance": RankingColumn("high")}
    k = max(cluster, default=0) + 1
    summary = {"k": k, "objective": 1.0, "history": [1.0], "n_trained_on": n}
    summary |= {"n_empty": 0, "n_tiny": 0, "largest": n}
    header = make_header("clusters", "cluster", {}, seed=0, dataset=dataset, columns=ranking, summary=summary)
    columns = {"index": np.arange(n), "uid": uids}
    if label is not None:
        columns["label"] = np.array(label, np.int64)
    columns |= {"cluster": np.array(cluster, np.int32), "distance": np.array(distance, np.float32)}
    return write_table(path, header, columns) if seal else Table(path, header, columns)


def score_table(path: Path, hard_is: str, **columns: list) -> Table:
    """A table of scores written by hand; every float column ranks, aum low."""
    n = len(next(iter(columns.values())))
    given = {"uid": range(n), **columns}
    types = {"uid": np.uint64, "label": np.int64, "cluster": np.int32}
    arrays = {name: np.array(values, types.get(name, np.float64)) for name, values in given.items()}
    names = [str(number) for number in range(max(columns.get("label", [0])) + 1)]
    dataset = DatasetReference("hand", "all", n, names, "0" * 64)
    sides = {name: "low" if name == "aum" else hard_is for name in arrays if name not in types}
    ranking = {name: RankingColumn(side) for name, side in sides.items()}
    header = make_header("scores", "score", {}, seed=0, dataset=dataset, columns=ranking)
    return Table(path, header, {"index": np.arange(n), **arrays})


def seen_of(n: int, loss: np.ndarray, margin: np.ndarray, error: np.ndarray, correct: np.ndarray) -> Seen:
    """An epoch in which all of `n` samples were presented."""
    return Seen(np.arange(n), loss, margin, error, correct)


def seen_in_part(index: list[int], name: str, values: list[float]) -> Seen:
    """An epoch that presented some samples, of which one column is said and the others are nothing."""
    zeros = dict.fromkeys(("loss", "margin", "error", "correct"), np.zeros(len(index), np.float32))
    return Seen(np.array(index), **{**zeros, name: np.array(values, np.float32)})


def traced(folder: Path, n: int, runs: list[list[Seen]]) -> Trace:
    """The trace of runs that all have as many epochs, in a folder."""
    parts = []
    for epoch, models in enumerate(zip(*runs, strict=True)):
        parts.append(folder / f"part-{epoch}.parquet")
        write_part(parts[-1], epoch, models)
    dataset = DatasetReference("hand", "all", n, [], "0" * 64)
    summary = {"n_epochs": len(parts), "n_models": len(runs), "samples_seen": 0}
    header = make_header("trace", "train", {}, seed=0, dataset=dataset, summary=summary)
    write_trace(folder / "trace.parquet", header, parts)
    return open_trace(folder)

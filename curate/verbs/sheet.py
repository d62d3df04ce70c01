"""A sheet of images: a row per cluster or class, and in each what stands against what.

Of clusters the closest and furthest samples, of scores the easiest and hardest, of a selection those that are
kept and those that are left out, of a session those that are selected least and most often.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.artifacts.tables import Column, Table
from curate.data.dataset import Dataset
from curate.data.identity import Indices, Labels
from curate.errors import CurateError
from curate.manifests.manifest import Manifest
from curate.selection.strategy import by_value
from curate.verbs.naming import public

_ROWS, _PER_CLUSTER, _PER_CLASS, _PER_ROW = 20, 8, 10, 16


@dataclass(frozen=True)
class Sheet:
    """What to draw: rows of (caption, samples on the left, samples on the right), and headings."""

    title: str
    left: str
    right: str
    rows: list[tuple[str, Indices, Indices]]


def of_clusters(columns: Mapping[str, Column]) -> Sheet:
    """Up to 20 clusters, the largest first: 8 closest and 8 furthest samples of each."""
    if "cluster" not in columns or "distance" not in columns:
        raise CurateError("there are no clusters to draw: give --sheet a table, or a manifest of clusters")
    sizes = np.bincount(columns["cluster"])
    rows = []
    for cluster in np.argsort(-sizes, kind="stable")[:_ROWS]:
        members = np.flatnonzero(columns["cluster"] == cluster)
        order = members[np.lexsort((columns["uid"][members], columns["distance"][members]))]
        rows.append((f"{cluster}\n{len(members)}", order[:_PER_CLUSTER], order[::-1][:_PER_CLUSTER]))
    title = f"{len(rows)} largest of {(sizes > 0).sum()} clusters: number, size"
    return Sheet(title, "closest to the centroid", "furthest from it", rows)


def of_scores(table: Table, column: str, classes: list[str]) -> Sheet:
    """Up to 20 classes: the 10 easiest and the 10 hardest samples of each by one score, the utmost first."""
    name, values = table.ranking(column)
    rows = _ends(by_value(values, table), table.labels, classes)
    return Sheet(f"{name}, by class", "easiest", "hardest", rows)


def of_manifest(manifest: Manifest) -> Sheet:
    """What a manifest decided: kept and left out, or, of a session, selected least and most often."""
    samples, classes = manifest.samples, manifest.header.dataset.classes
    labels = samples.get("label")
    if manifest.is_static:
        return _of_selection(samples, labels, classes)
    counts = samples.get("n_checkpoints_selected", samples["n_selected"])
    return of_counts(counts, samples["uid"], labels, classes, str(manifest.path.absolute().name))


def _of_selection(samples: Mapping[str, Column], labels: Labels | None, classes: list[str]) -> Sheet:
    """The first that are kept of each class, and the last that are left out; by uid without a rank."""
    kept = samples["n_selected"] > 0
    rank = samples.get("rank")
    order = np.lexsort((samples["uid"],) if rank is None else (samples["uid"], rank))
    rows = []
    for name, own in _by_class(order, labels, classes):
        rows.append((name, own[kept[own]][:_PER_CLASS], own[~kept[own]][::-1][:_PER_CLASS]))
    title = f"{kept.sum():,} of {len(kept):,} samples are kept"
    ranked = "" if rank is None else ": the kept by rank, the left out from the last rank up"
    return Sheet(title + ranked, "kept", "left out", rows)


def of_counts(
    counts: npt.NDArray[np.integer], uids: Column, labels: Labels | None, classes: list[str], title: str
) -> Sheet:
    """The samples of each class that are selected least often, and most often."""
    rows = _ends(np.lexsort((uids, counts)), labels, classes)
    return Sheet(title, "selected least often", "most often", rows)


def of_dataset(data: Dataset) -> Sheet:
    """Some images of each class: those of the smallest uids, which is as good as by chance."""
    order = data.present[np.argsort(data.uids[data.present], kind="stable")]
    none = np.empty(0, np.int64)
    rows = [(name, own[:_PER_ROW], none) for name, own in _by_class(order, data.labels, data.classes)]
    return Sheet(f"{public(data.reference)}, by class", "", "", rows)


def of_samples(chosen: Sequence[int], data: Dataset) -> Sheet:
    """The samples of these numbers, in their order."""
    for index in chosen:
        if not 0 <= index < len(data):
            raise CurateError(f"there is no sample {index}: {data.reference} has 0 to {len(data) - 1:,}")
        if index not in data.present:
            raise CurateError(f"sample {index} is missing from {data.reference}, and has no image")
    none, indices = np.empty(0, np.int64), np.array(chosen, np.int64)
    rows = [("", indices[at : at + _PER_ROW], none) for at in range(0, len(indices), _PER_ROW)]
    return Sheet(f"{len(chosen):,} samples of {public(data.reference)}", "", "", rows)


def _ends(order: Indices, labels: Labels | None, classes: list[str]) -> list[tuple[str, Indices, Indices]]:
    """Of each class the first and the last of an order, the utmost first."""
    return [
        (name, own[:_PER_CLASS], own[::-1][:_PER_CLASS]) for name, own in _by_class(order, labels, classes)
    ]


def _by_class(order: Indices, labels: Labels | None, classes: list[str]) -> list[tuple[str, Indices]]:
    """Up to 20 classes, with their samples in an order; all together where nobody knows the classes."""
    if labels is None:
        return [("all", order)]
    return [(classes[label], order[labels[order] == label]) for label in np.unique(labels)[:_ROWS]]

"""cluster: group the vectors of an embedding with k-means."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate import world
from curate.artifacts.files import as_path, check_ending, check_output
from curate.artifacts.header import RankingColumn, make_header
from curate.artifacts.standing import check_free, note_standing, same_of, stands
from curate.artifacts.tables import Table, open_table, sample_columns, write_table
from curate.data.dataset import Dataset
from curate.errors import CurateError
from curate.manifests.manifest import Manifest
from curate.progress import LOGGED, Progress
from curate.selection.budget import ask_about
from curate.vectors.embedding import Embedding
from curate.vectors.kmeans import ITERATIONS, RELOCATIONS, kmeans, usual_k
from curate.vectors.opening import open_embedding
from curate.verbs.naming import name_of, output_path, stem, told
from curate.verbs.select import check_selection, select

_TINY = 0.1  # of the mean size


def cluster(
    embedding: str | Path | Embedding,
    k: int | None = None,
    *,
    spherical: bool = False,
    iterations: int = ITERATIONS,
    init: str = "random",
    relocate: int = RELOCATIONS,
    seed: int = 0,
    data: Dataset | None = None,
    labels: str | Path | npt.ArrayLike | None = None,
    output: str | Path | None = None,
    force: bool = False,
    progress: Progress = LOGGED,
) -> Table:
    """Write the table of clusters: cluster and distance to its centroid for every sample.

    `k` defaults to one cluster per 120 samples, 12 at least and 4 √n at most. `embedding` may be
    vectors from elsewhere; `data` then says whose they are, or `labels`, a file or an array, of which class
    each is. `init` is `random`, `afk-mc2` or `kmeans++`; with
    `relocate`, idle centroids are moved so many times to where the error is largest. Distances are Euclidean,
    or 1 − cosine when `spherical`.
    """
    is_array = isinstance(embedding, np.ndarray)
    named = Path("vectors") if is_array else as_path(embedding, "embedding")
    whose = "" if data is None else data.reference
    labelled = "" if labels is None else stem(str(labels)) if isinstance(labels, str | Path) else "given"
    how = (spherical, {"iterations": iterations, "init": init, "relocate": relocate}, whose, labelled, seed)
    if k is not None and output is None:
        check_free(output_path(None, _default_name(named, k, *how)), force, "cluster")
    elif output is not None:
        check_ending(Path(output), ".parquet")
        check_free(Path(output), force, "cluster")
    opened = embedding if isinstance(embedding, Embedding) else open_embedding(embedding, data, labels)
    k = usual_k(opened.n) if k is None else k
    if not 1 <= k <= opened.n:
        raise CurateError(f"k={k} is out of range: {named} has {opened.n:,} samples, use 1 to {opened.n:,}")
    path = output_path(output, _default_name(named, k, *how))
    header = make_header(
        "clusters",
        "cluster",
        {"k": k, "spherical": spherical, "iterations": iterations, "init": init, "relocate": relocate},
        seed=seed,
        dataset=opened.header.dataset,
        parents={"embedding": opened.header},
        columns={"distance": RankingColumn("high", unit="1 - cosine" if spherical else "Euclidean")},
    )
    world.here().agree(same_of(header))
    if not force and stands(path, header.to_json()):
        note_standing(path, progress)
        return open_table(path)
    check_output(path, force)
    clustering = kmeans(
        opened.read,
        opened.n,
        opened.dim,
        k,
        spherical=spherical,
        n_iterations=iterations,
        init=init,
        n_relocations=relocate,
        seed=seed,
        progress=progress,
    )
    sizes = np.bincount(clustering.cluster, minlength=k)
    header = replace(
        header,
        summary={
            "k": k,
            "objective": round(clustering.objective, 6),
            "history": [round(value, 4) for value in clustering.history],
            "n_trained_on": clustering.n_trained_on,
            "last_gain": None if clustering.last_gain is None else round(clustering.last_gain, 6),
            "n_empty": int((sizes == 0).sum()),
            "n_tiny": int(((sizes > 0) & (sizes < _TINY * opened.n / k)).sum()),
            "largest": int(sizes.max()),
        },
        device=clustering.device,
    )
    columns = sample_columns(opened.uids, opened.rows, opened.labels)
    columns |= {"cluster": clustering.cluster, "distance": clustering.distance}
    is_first = world.here().rank == 0
    return world.first_alone(
        lambda: write_table(path, header, columns, force) if is_first else open_table(path)
    )


def cluster_and_select(
    embedding: str | Path,
    k: int | None = None,
    *,
    strategy: str,
    keep: str | float | int = 0.5,
    class_floor: float = 0.0,
    options: Mapping[str, Any] | None = None,
    spherical: bool = False,
    iterations: int = ITERATIONS,
    init: str = "random",
    relocate: int = RELOCATIONS,
    seed: int = 0,
    data: Dataset | None = None,
    labels: str | Path | npt.ArrayLike | None = None,
    output: str | Path | None = None,
    force: bool = False,
    progress: Progress = LOGGED,
) -> tuple[Table, Manifest]:
    """`cluster` and `select` in one step; `output` is the manifest folder, the table is written beside it.

    Everything about the selection that can be wrong is checked before the clustering starts.
    """
    opened = open_embedding(embedding, data, labels)
    check_selection(strategy, keep, class_floor, options, opened.n)
    ask_about(keep, opened.n, len(opened.header.dataset.classes), progress)
    if output is not None:
        if Path(output).suffix in (".parquet", ".safetensors"):
            raise CurateError(
                f"-o {output}: with a strategy this names the manifest's folder; leave out the ending"
            )
        check_free(Path(output), force, "select")
    table = cluster(
        opened,
        k,
        spherical=spherical,
        iterations=iterations,
        init=init,
        relocate=relocate,
        seed=seed,
        output=None if output is None else f"{output}.parquet",
        force=force,
        progress=progress,
    )
    selected = partial(
        select,
        table,
        strategy,
        keep=keep,
        class_floor=class_floor,
        options=options,
        seed=seed,
        output=output,
        progress=progress,
    )
    is_first = world.here().rank == 0  # the others find what it wrote
    return table, world.first_alone(lambda: selected(force=force and is_first))


def _default_name(
    embedding: Path, k: int, spherical: bool, how: Mapping[str, Any], whose: str, labelled: str, seed: int
) -> str:
    usual = {"iterations": ITERATIONS, "init": "random", "relocate": RELOCATIONS}
    asked = {name: value for name, value in how.items() if value != usual[name]}
    asked |= {"of": stem(whose) if whose else "", "labels": labelled}
    parts = [f"k{k}", "spherical" if spherical else "", told(asked)]
    return f"{name_of(embedding.name, *parts, seed=seed)}.parquet"

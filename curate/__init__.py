"""curate finds the samples worth training on and writes the decision down as a manifest.

    embedding = curate.embed("digits")
    clusters = curate.cluster(embedding, k=12)
    manifest = curate.select(clusters, strategy="furthest", keep=0.3)
    result = curate.replay(manifest, against=["full", "random"])

Everything is imported when it is first used: `import curate` alone costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curate.artifacts.tables import Table as Table
    from curate.artifacts.tables import open_table as open_table
    from curate.data.dataset import Dataset as Dataset
    from curate.data.dataset import Options as Options
    from curate.data.dataset import open_dataset as open_dataset
    from curate.errors import CurateError as CurateError
    from curate.manifests.manifest import Manifest as Manifest
    from curate.manifests.manifest import open_manifest as open_manifest
    from curate.recipes.advise import advise as advise
    from curate.recipes.run import run as run
    from curate.scores.trace import open_trace as open_trace
    from curate.selection.pruner import Pruner as Pruner
    from curate.sharing.opening import load_manifest as load_manifest
    from curate.show.report import report as report
    from curate.training.batches import Batches as Batches
    from curate.training.ranks import ranks as ranks
    from curate.vectors.embedding import Embedding as Embedding
    from curate.vectors.opening import open_embedding as open_embedding
    from curate.verbs.cluster import cluster as cluster
    from curate.verbs.compare import compare as compare
    from curate.verbs.embed import embed as embed
    from curate.verbs.engine import build as build
    from curate.verbs.engine import evaluate as evaluate
    from curate.verbs.engine import fit as fit
    from curate.verbs.export import export as export
    from curate.verbs.index import index as index
    from curate.verbs.inspect import inspect as inspect
    from curate.verbs.pack import pack as pack
    from curate.verbs.pull import pull as pull
    from curate.verbs.push import push as push
    from curate.verbs.replay import replay as replay
    from curate.verbs.score import score as score
    from curate.verbs.select import select as select
    from curate.verbs.status import status as status
    from curate.verbs.train import train as train

_HOME = {
    "Dataset": "curate.data.dataset",
    "Options": "curate.data.dataset",
    "open_dataset": "curate.data.dataset",
    "Embedding": "curate.vectors.embedding",
    "open_embedding": "curate.vectors.opening",
    "Batches": "curate.training.batches",
    "CurateError": "curate.errors",
    "Manifest": "curate.manifests.manifest",
    "open_manifest": "curate.manifests.manifest",
    "load_manifest": "curate.sharing.opening",
    "Pruner": "curate.selection.pruner",
    "Table": "curate.artifacts.tables",
    "open_table": "curate.artifacts.tables",
    "open_trace": "curate.scores.trace",
    "advise": "curate.recipes.advise",
    "build": "curate.verbs.engine",
    "cluster": "curate.verbs.cluster",
    "compare": "curate.verbs.compare",
    "embed": "curate.verbs.embed",
    "evaluate": "curate.verbs.engine",
    "export": "curate.verbs.export",
    "fit": "curate.verbs.engine",
    "index": "curate.verbs.index",
    "inspect": "curate.verbs.inspect",
    "pack": "curate.verbs.pack",
    "pull": "curate.verbs.pull",
    "push": "curate.verbs.push",
    "ranks": "curate.training.ranks",
    "replay": "curate.verbs.replay",
    "report": "curate.show.report",
    "run": "curate.recipes.run",
    "score": "curate.verbs.score",
    "select": "curate.verbs.select",
    "status": "curate.verbs.status",
    "train": "curate.verbs.train",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("curate")
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'curate' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

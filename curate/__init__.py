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
    from curate.dataset import Dataset as Dataset
    from curate.dataset import Options as Options
    from curate.dataset import open_dataset as open_dataset
    from curate.embedding import Embedding as Embedding
    from curate.embedding import open_embedding as open_embedding
    from curate.errors import CurateError as CurateError
    from curate.loading import load_manifest as load_manifest
    from curate.manifest import Manifest as Manifest
    from curate.manifest import open_manifest as open_manifest
    from curate.tables import Table as Table
    from curate.tables import open_table as open_table
    from curate.trace import open_trace as open_trace
    from curate.verbs.cluster import cluster as cluster
    from curate.verbs.compare import compare as compare
    from curate.verbs.embed import embed as embed
    from curate.verbs.export import export as export
    from curate.verbs.inspect import inspect as inspect
    from curate.verbs.pull import pull as pull
    from curate.verbs.push import push as push
    from curate.verbs.replay import replay as replay
    from curate.verbs.score import score as score
    from curate.verbs.select import select as select
    from curate.verbs.train import train as train

_HOME = {
    "Dataset": "curate.dataset",
    "Options": "curate.dataset",
    "open_dataset": "curate.dataset",
    "Embedding": "curate.embedding",
    "open_embedding": "curate.embedding",
    "CurateError": "curate.errors",
    "Manifest": "curate.manifest",
    "open_manifest": "curate.manifest",
    "load_manifest": "curate.loading",
    "Table": "curate.tables",
    "open_table": "curate.tables",
    "open_trace": "curate.trace",
    "cluster": "curate.verbs.cluster",
    "compare": "curate.verbs.compare",
    "embed": "curate.verbs.embed",
    "export": "curate.verbs.export",
    "inspect": "curate.verbs.inspect",
    "pull": "curate.verbs.pull",
    "push": "curate.verbs.push",
    "replay": "curate.verbs.replay",
    "score": "curate.verbs.score",
    "select": "curate.verbs.select",
    "train": "curate.verbs.train",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'curate' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

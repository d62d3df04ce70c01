"""inspect: say in plain words, and in histograms, what anything of curate's is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from curate.artifacts.files import as_path, check_output
from curate.artifacts.header import Header, Step, check_same_dataset, cost_of
from curate.artifacts.kinds import kind_of
from curate.artifacts.reading import damage_as_one_line
from curate.artifacts.results import read_results
from curate.artifacts.saved_model import about_model, check_weights
from curate.artifacts.tables import Table, open_table
from curate.data.dataset import Dataset, Options, open_dataset, open_recorded
from curate.errors import CurateError
from curate.manifests.manifest import Manifest, open_manifest
from curate.progress import LOGGED, Progress, WithoutNotes
from curate.scores.trace import open_trace
from curate.sharing.cache import is_remote
from curate.sharing.opening import open_any, open_remote
from curate.vectors.opening import open_embedding
from curate.verbs.description import MANY, Bar, Chart, Description, counts, histogram, shares
from curate.verbs.inspect_dataset import describe_dataset
from curate.verbs.sessions import check_sessions, describe_sessions
from curate.verbs.sheet import Sheet, of_clusters, of_dataset, of_manifest, of_samples, of_scores
from curate.verbs.sheet_drawn import check_name, draw_sheet
from curate.verbs.status import describe_unfinished, is_unfinished


def inspect(
    anything: str | Path,
    *more: str | Path,
    by: str | None = None,
    sheet: str | Path | None = None,
    samples: Sequence[int] = (),
    column: str | None = None,
    data: str | Dataset | None = None,
    opening: Options = Options(),
    force: bool = False,
    progress: Progress = LOGGED,
) -> Description:
    """Describe a dataset reference, an embedding, a table or a manifest, checked as it is opened.

    A manifest is a folder, or lies on the Hub (`hf:owner/name@v1`).

    `more` are further sessions (trials) of the same dataset as the dynamic manifest `anything`: their
    selections are counted together. `by="class"` breaks the groups of a session down. `sheet` names a
    picture (`.png`, `.webp`, `.jpg`) or a page (`.html`) to draw: of clusters the closest and furthest images
    of each; of scores the easiest and hardest of every class by `column`; of a static manifest those that are
    kept and those that are left out; of a session those that are selected least and most often; of a dataset
    some of every class. With `samples`, it shows those instead. Images come from the dataset that the header
    names, or from `data`.
    """
    if not isinstance(anything, str | Path):
        anything = (
            anything.reference if isinstance(anything, Dataset) else as_path(anything, "thing of curate's")
        )
    path = Path(anything)
    if sheet is not None:
        check_name(Path(sheet))
        check_output(Path(sheet), force=True)
    elif samples:
        raise CurateError("samples are for a --sheet that shows them: name one, or leave out --samples")
    if column is not None and sheet is None:
        raise CurateError(f"column={column} is for a --sheet of scores: name one, or leave out --column")
    if by not in (None, "class"):
        raise CurateError(f"there is no way to break down by '{by}': use class")
    if more:
        return _sessions([open_any(one, progress) for one in (anything, *more)], by)
    report, opened = _open(str(anything), path, opening, progress, by)
    if by and not (isinstance(opened, Manifest) and not opened.is_static):
        raise CurateError(f"{anything} has no groups to break down: --by is for dynamic manifests")
    if sheet is not None:
        quiet = progress if opened is not None else WithoutNotes(progress)  # the report has its notes
        drawn, of = _sheet(str(anything), opened, column, samples, data, opening, quiet)
        draw_sheet(Path(sheet), drawn, of, force)
    return report


def _open(
    reference: str, path: Path, opening: Options, progress: Progress, by: str | None
) -> tuple[Description, Any]:
    """What there is to say of a thing, and the thing, opened."""
    if is_remote(reference):
        opened = open_remote(reference, lambda: describe_dataset(reference, opening, progress), progress)
        return (_manifest(opened, by), opened) if isinstance(opened, Manifest) else (opened, None)
    if is_unfinished(path):
        return describe_unfinished(path), None
    kind = kind_of(path)
    if kind == "manifest":
        manifest = open_manifest(path)
        return _manifest(manifest, by), manifest
    if kind in _DESCRIBED:
        return _DESCRIBED[kind](path), None
    if kind is not None:
        table = open_table(path)
        return _table(table), table
    return describe_dataset(reference, opening, progress), None


def _results(path: Path) -> Description:
    rows = read_results(path)
    names = dict.fromkeys(row.name for row in rows)
    by_name = {name: [row.accuracy for row in rows if row.name == name] for name in names}
    facts = [
        ("trials", f"{len(rows):,} of {len(names):,} methods"),
        ("datasets", ", ".join(dict.fromkeys(row.dataset for row in rows))),
        ("models", ", ".join(dict.fromkeys(row.model for row in rows))),
        ("machines", "; ".join(dict.fromkeys(f"{row.machine}, {row.device}" for row in rows))),
    ]
    bars = [
        Bar(name, mean := float(np.mean(accuracies)), f"{mean:.2%} (n = {len(accuracies)})")
        for name, accuracies in by_name.items()
    ]
    return Description(
        f"results {path}", facts, [Chart("mean test accuracy, over all budgets", bars, full=1.0)]
    )


def _embedding(path: Path) -> Description:
    embedding = open_embedding(path)
    summary = embedding.header.summary
    facts = [
        ("vectors", f"{embedding.n:,} of {embedding.dim} numbers"),
        *_origin(embedding.header),
    ]
    charts = []
    ratio = summary.get("explained_variance_ratio")
    if ratio:
        facts.insert(1, ("explained variance", f"{sum(ratio):.1%} in {len(ratio)} components"))
        shown = sorted({1, 2, 5, 10, 20, 50, 100, len(ratio)} & set(range(1, len(ratio) + 1)))
        running = np.cumsum(ratio)
        charts.append(
            Chart(
                "explained variance of the first components",
                [Bar(f"first {c}", float(running[c - 1]), f"{running[c - 1]:.1%}") for c in shown],
                full=1.0,
            )
        )
    for name in ("mean_squared_error", "model"):
        if name in summary:
            facts.insert(1, (name.replace("_", " "), str(summary[name])))
    return Description(f"embedding {path}", facts, charts, embedding.header.to_json())


def _table(table: Table) -> Description:
    summary = table.header.summary
    facts = [("samples", f"{len(table):,}")]
    charts: list[Chart] = []
    if table.header.kind == "clusters":
        facts += [
            ("clusters", f"{summary['k']:,} ({summary['n_empty']:,} empty, {summary['n_tiny']:,} tiny)"),
            ("objective", f"{summary['objective']:,.6g} after {len(summary['history'])} iterations"),
            ("trained on", f"{summary['n_trained_on']:,} samples"),
        ]
        sizes = np.bincount(table["cluster"], minlength=summary["k"])
        charts.append(histogram("cluster sizes (how many clusters have how many samples)", sizes))
    for name in table.ranking_columns:
        unit = table.header.columns[name].unit
        charts.append(histogram(f"{name}{f' ({unit})' if unit else ''}, {_hard(table, name)}", table[name]))
    return Description(
        f"{table.header.kind} {table.path}", [*facts, *_origin(table.header)], charts, table.header.to_json()
    )


def _trace(path: Path) -> Description:
    trace = open_trace(path)
    facts = [
        ("epochs", f"{trace.n_epochs:,}"),
        ("models", f"{trace.n_models:,}"),
        ("samples", f"{trace.n:,}; {trace.samples_seen:,} presentations"),
    ]
    step = -(-trace.n_epochs // MANY)
    bars = [
        Bar(f"epoch {seen.epoch}", float(seen.correct.mean()), f"{seen.correct.mean():.1%}")
        for seen in trace.epochs()
        if seen.epoch % step == 0
    ]
    charts = [Chart("right in training, of the samples seen", bars, full=1.0)]
    return Description(f"trace {path}", [*facts, *_origin(trace.header)], charts, trace.header.to_json())


def _manifest(manifest: Manifest, by: str | None) -> Description:
    header, samples = manifest.header, manifest.samples
    summary = header.summary
    epochs = "one selection for all epochs"
    if not manifest.is_static:
        n_checkpoints = len(summary.get("checkpoints", [])) or manifest.n_epochs
        epochs = f"{manifest.n_epochs}, selected at {n_checkpoints} checkpoints"
    facts = [
        ("kept", f"{summary['n_selected_per_epoch']:,.0f} of {manifest.n:,} samples ({summary['keep']:.1%})"),
        ("epochs", epochs),
    ]
    for name, text in (("test_accuracy", "test accuracy"), ("test_worst_class", "worst class")):
        if summary.get(name) is not None:
            facts.append((text, f"{summary[name]:.2%} after the last epoch"))
    gone = [name for name in header.files if not (manifest.path / name).is_file()]
    if gone:
        facts.append(("not here", f"{', '.join(gone)}: a copy can be without"))
    charts: list[Chart] = []
    if not manifest.is_static:
        about, charts = describe_sessions([manifest], by)
        facts += about
    if "label" in samples:
        names = header.dataset.classes
        charts.append(_kept_per_group("kept per class", names, samples["label"], manifest))
    if "cluster" in samples:
        k = int(samples["cluster"].max()) + 1
        names = [f"cluster {number}" for number in range(k)]
        charts.append(_kept_per_group("kept per cluster", names, samples["cluster"], manifest))
    if "reason" in samples:
        reasons, numbers = np.unique(samples["reason"], return_counts=True)
        charts.append(counts("why samples are in or out", [str(r) for r in reasons], numbers.tolist()))
    return Description(f"manifest {manifest.path}", [*facts, *_origin(header)], charts, header.to_json())


def _sessions(manifests: list[Manifest], by: str | None) -> Description:
    check_sessions(manifests)
    facts, charts = describe_sessions(manifests, by)
    accuracies = [manifest.header.summary.get("test_accuracy") for manifest in manifests]
    for manifest, accuracy in zip(manifests, accuracies, strict=True):
        tested = "" if accuracy is None else f", test accuracy {accuracy:.2%}"
        facts.append((f"seed {manifest.header.seed}", f"{manifest.path}{tested}"))
    return Description(f"{len(manifests)} sessions on {manifests[0].header.dataset.reference}", facts, charts)


def _model(path: Path) -> Description:
    from safetensors import safe_open

    check_weights(path)
    one_line = damage_as_one_line(path, "safetensors file", "copy it anew")
    with one_line, safe_open(path, framework="numpy") as file:
        about = about_model(file.metadata(), path)
        shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118
    size = sum(int(np.prod(shape)) for shape in shapes)
    facts = [
        ("model", about["model"]),
        ("numbers", f"{size:,}"),
        ("input", f"{about['n_channels']} x {about['input_size'][0]} x {about['input_size'][1]}"),
        ("classes", ", ".join(about["classes"][:12]) + (", ..." if len(about["classes"]) > 12 else "")),
    ]
    return Description(f"weights {path}", facts, [], about)


def _origin(header: Header) -> list[tuple[str, str]]:
    """Where an artifact came from, in plain words."""
    if header.command is None:
        return [("made by", "something else than curate")]
    dataset = header.dataset
    commands = " -> ".join(
        f"{step.command} ({', '.join(_plain(step.options)) or 'defaults'}; seed {step.seed})"
        for step in header.steps
    )
    return [
        ("dataset", f"{dataset.reference}, {dataset.split} split, {dataset.n:,} samples"),
        ("fingerprint", dataset.fingerprint),
        ("made by", commands),
        *_cost(header.steps),
        (
            "with",
            ", ".join(f"{library} {version}" for library, version in header.versions.items())
            + f"; {header.device}, {header.n_threads} threads",
        ),
        ("sha256", header.sha256),
    ]


def _cost(steps: Sequence[Step]) -> list[tuple[str, str]]:
    """What the scores among the steps have cost."""
    if all(step.cost is None for step in steps):
        return []
    seconds, n_seen = cost_of(steps)
    time = "a training run of unknown time" if seconds is None else f"{seconds:,.1f} s"
    return [("scoring cost", time + (f", {n_seen:,} samples seen in training" if n_seen else ""))]


def _plain(options: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in options.items():
        if isinstance(value, dict):
            named = {f"{name.replace('_', '-')} {key}": item for key, item in value.items()}
            words += _plain(named if name in ("recipe", "warm_up") else value)
        elif value not in (None, "", 0.0, False):
            words.append(f"{name}={value}")
    return words


def _kept_per_group(title: str, names: list[str], groups: Any, manifest: Manifest) -> Chart:
    """Kept of a group: of its samples where the manifest is static, else of its presentations."""
    total = np.bincount(groups, minlength=len(names)) * manifest.n_epochs
    chosen = np.bincount(groups, manifest.samples["n_selected"], minlength=len(names)).astype(np.int64)
    if not manifest.is_static:
        title += ", of presentations in training"
    if len(names) <= MANY:
        return shares(title, names, chosen.tolist(), total.tolist())
    share = chosen[total > 0] / total[total > 0]
    return histogram(f"{title}: share kept, over {len(share):,} of them", share)


def _hard(table: Table, name: str) -> str:
    return f"{table.header.columns[name].hard_is} is hard"


def _sheet(
    anything: str,
    opened: Any,
    column: str | None,
    samples: Sequence[int],
    data: str | Dataset | None,
    opening: Options,
    progress: Progress,
) -> tuple[Sheet, Dataset]:
    """What a sheet of a thing shows, and the dataset that has the images."""
    scores = isinstance(opened, Table) and opened.header.kind == "scores"
    if column is not None and not scores:
        raise CurateError(f"{anything} has no scores to draw by: leave out --column {column}")
    if not isinstance(opened, Table | Manifest):
        if kind_of(Path(anything)) is not None:
            raise CurateError(f"{anything} has no images to draw: give --sheet a table, manifest or dataset")
        dataset = open_dataset(data or anything, opening, progress)
        return of_samples(samples, dataset) if samples else of_dataset(dataset), dataset
    dataset = _dataset_of(opened, data, opening, progress)
    if samples:
        return of_samples(samples, dataset), dataset
    if isinstance(opened, Manifest):
        return of_manifest(opened), dataset
    classes = opened.header.dataset.classes
    return of_scores(opened, column or "", classes) if scores else of_clusters(opened.columns), dataset


def _dataset_of(
    opened: Table | Manifest, data: str | Dataset | None, opening: Options, progress: Progress
) -> Dataset:
    recorded = opened.header.dataset
    if data is None and recorded.vectors_only:
        raise CurateError(
            f"{opened.path} is of vectors alone, which have no images: cluster them with --data DATASET, or "
            "name the dataset with --data"
        )
    dataset = open_recorded(recorded, opened.path, data, opening, progress)
    check_same_dataset(recorded, str(opened.path), dataset.header(), dataset.reference)
    return dataset


_DESCRIBED = {
    "model": _model,
    "embedding": _embedding,
    "vectors": _embedding,
    "trace": _trace,
    "results": _results,
}

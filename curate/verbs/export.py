"""export: the selection of one epoch in the format of another tool."""

import filecmp
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curate import finder
from curate.artifacts.files import as_path, atomic_file, check_ending, check_output, clear_up
from curate.artifacts.standing import note_standing
from curate.data.dataset import Dataset, Options, open_recorded
from curate.errors import CurateError
from curate.manifests.export import Exportable, ExportFormat
from curate.manifests.loading import LoadedManifest
from curate.manifests.manifest import follow, rows_of
from curate.progress import LOGGED, Progress
from curate.sharing.opening import load_manifest
from curate.verbs.naming import output_path, stem


@dataclass(frozen=True)
class Exported:
    """The file that `export` wrote, how many samples are in it, and in words what stands there."""

    path: Path
    n_selected: int
    n: int
    what: str


def export(
    manifest: str | Path,
    to: str = "txt",
    *,
    epoch: int | None = None,
    keys: str | Path | None = None,
    data: str | Dataset | None = None,
    options: Mapping[str, Any] | None = None,
    opening: Options = Options(),
    output: str | Path | None = None,
    force: bool = False,
    progress: Progress = LOGGED,
) -> Exported:
    """Write the samples that a manifest selects in an epoch in the format `to`.

    Samples are named by row: their place in the source, as other libraries count. `options` are the format's
    own. `keys` is a file with the key of every sample of the source, in order, for webdataset; without it
    keys are rows of nine digits. `data` is the folder of images that is the dataset, for imagefolder-list.

    Of a dynamic manifest it is the last epoch, unless `epoch` says another.
    """
    form: ExportFormat = finder.make("exports", to, options)
    for option, value in (("keys", keys), ("data", data)):
        if value is not None and form.takes != option:
            raise CurateError(f"--{option} is for {_that_take(option)}: leave it out")
    path = output_path(output, f"{stem(_called(manifest))}.{form.ending}")
    check_ending(path, f".{form.ending.rpartition('.')[2]}")
    check_output(path, force=True)
    loaded = load_manifest(manifest)
    chosen = _epoch(loaded, epoch)
    if loaded.n_epochs > 1 and epoch is None:
        of = f"epoch {chosen}, the last of {loaded.n_epochs:,}, each with a selection of its own"
        progress.note(f"{of}; --epoch takes another")
    by_row = loaded.manifest.rows
    indices, samples = loaded.manifest.selected(chosen).indices, loaded.manifest.samples
    indices = indices[np.argsort(by_row[indices], kind="stable")]
    rows = by_row[indices] if form.takes == "data" else rows_of(loaded.manifest, indices)
    classes = loaded.manifest.header.dataset.classes
    selected = Exportable(
        rows=rows,
        uids=samples["uid"][indices],
        labels=[classes[label] for label in samples["label"][indices]] if "label" in samples else [],
        weights=loaded.manifest.weights(chosen)[indices],
        keys=lambda: loaded.keys(_keys(keys, loaded.n_rows), chosen),
        files=lambda: _files(loaded, indices, data, opening, progress),
    )
    clear_up(path)
    if path.exists() and not force and _is_there(path, form, selected):
        note_standing(path, progress)
    else:
        with atomic_file(path, force) as temporary:
            form.write(temporary, selected)
    return Exported(path, len(indices), loaded.manifest.n, form.what)


def _called(manifest: object) -> str:
    return manifest if isinstance(manifest, str) else str(as_path(manifest, "manifest"))


def _is_there(path: Path, form: ExportFormat, selected: Exportable) -> bool:
    """Whether a file is what would be written."""
    with tempfile.TemporaryDirectory() as folder:
        form.write(made := Path(folder, path.name), selected)
        return path.is_file() and filecmp.cmp(made, path, shallow=False)


def _that_take(option: str) -> str:
    """The formats that an option is for."""
    formats = {name: finder.load("exports", name) for name in finder.names("exports")}
    return " and ".join(name for name, form in formats.items() if form.takes == option)


def _epoch(loaded: LoadedManifest, epoch: int | None) -> int:
    if loaded.n_epochs == 1:
        if epoch not in (None, 0, -1):
            raise CurateError(f"{loaded.manifest.path} is static: leave out --epoch {epoch}")
        return 0
    return loaded.n_epochs - 1 if epoch in (None, -1) else epoch


def _keys(file: str | Path | None, n: int) -> list[str]:
    if file is None:
        return [f"{row:09d}" for row in range(n)]
    if not Path(file).is_file():
        raise CurateError(f"there is no file of keys {file}: give one key per line, in order of the source")
    return Path(file).read_text().split()


def _files(
    loaded: LoadedManifest,
    indices: np.ndarray,
    data: str | Dataset | None,
    opening: Options,
    progress: Progress,
) -> list[str]:
    """The path of each selected image in the folder that is the dataset; it may be a re-ordered copy."""
    recorded = loaded.manifest.header.dataset
    dataset = open_recorded(recorded, loaded.manifest.path, data, opening, progress, resident_limit=0)
    if not dataset.folder:
        raise CurateError(f"{dataset.reference} is no folder of images: name one with --data, or use txt")
    aligned, _, note = follow(loaded.manifest, dataset)
    if note:
        progress.note(note)
    return [os.path.relpath(aligned.name(int(index)), dataset.folder) for index in indices]

"""export: the selection of one epoch in the format of another tool."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from curate.artifacts.files import atomic_file, check_output
from curate.data.dataset import Dataset, Options, open_dataset, opening_for
from curate.errors import CurateError
from curate.finder import nearest
from curate.manifests.loading import LoadedManifest
from curate.manifests.manifest import follow
from curate.progress import SILENT, Progress
from curate.sharing.opening import load_manifest
from curate.verbs.naming import output_path, stem

ENDINGS = {
    "npy": "npy",
    "txt": "txt",
    "csv": "csv",
    "datacomp": "npy",
    "webdataset": "keys.txt",
    "imagefolder-list": "files.txt",
}


@dataclass(frozen=True)
class Exported:
    """The file that `export` wrote, and how many samples are in it."""

    path: Path
    n_selected: int
    n: int


def export(
    manifest: str | Path,
    to: str,
    *,
    epoch: int | None = None,
    keys: str | Path | None = None,
    data: str | Dataset | None = None,
    opening: Options = Options(),
    output: str | Path | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> Exported:
    """Write the samples that a manifest selects in an epoch in the format `to`.

    - `npy`: indices, int64 `[k]`, for `numpy.load`.
    - `txt`: an index per line.
    - `csv`: index, uid, label and weight, with a heading.
    - `datacomp`: uids as pairs of uint64 (0, uid), sorted, as DataComp's tools read subsets.
    - `webdataset`: a key per line. `keys` is a file with the key of every sample, in order of index; without
      it keys are indices of nine digits.
    - `imagefolder-list`: a path per line, from the folder of images that is the dataset (`data`).

    A dynamic manifest needs `epoch`; its last one is -1.
    """
    if to not in ENDINGS:
        raise CurateError(f"there is no format '{to}': {nearest(to, ENDINGS)}")
    for option, value, of in (("keys", keys, "webdataset"), ("data", data, "imagefolder-list")):
        if value is not None and to != of:
            raise CurateError(f"--{option} is for {of}: leave it out")
    path = output_path(output, f"{stem(str(manifest))}.{ENDINGS[to]}")
    check_output(path, force)
    loaded = load_manifest(manifest)
    chosen = _epoch(loaded, epoch)
    write = _writer(loaded, to, chosen, keys, data, opening, progress)
    with atomic_file(path, force) as temporary:
        write(temporary)
    return Exported(path, len(loaded.indices(chosen)), loaded.n)


def _writer(
    loaded: LoadedManifest,
    to: str,
    epoch: int,
    keys: str | Path | None,
    data: str | Dataset | None,
    opening: Options,
    progress: Progress,
) -> Callable[[Path], None]:
    indices, uids = loaded.indices(epoch), loaded.manifest.samples["uid"]
    if to == "npy":
        return lambda path: _save(path, indices)
    if to == "datacomp":
        pairs = np.zeros(len(indices), np.dtype("u8,u8"))
        pairs["f1"] = np.sort(uids[indices])
        return lambda path: _save(path, pairs)
    if to == "csv":
        return lambda path: _write_csv(path, loaded, epoch)
    if to == "txt":
        lines = [str(index) for index in indices]
    elif to == "webdataset":
        lines = loaded.keys(_keys(keys, loaded.n), epoch)
    else:
        lines = _files(loaded, indices, data, opening, progress)
    return lambda path: _write_lines(path, lines)


def _epoch(loaded: LoadedManifest, epoch: int | None) -> int:
    if loaded.n_epochs == 1:
        if epoch not in (None, 0, -1):
            raise CurateError(f"{loaded.manifest.path} is static: leave out --epoch {epoch}")
        return 0
    if epoch is None:
        raise CurateError(
            f"{loaded.manifest.path} has {loaded.n_epochs} epochs, each with a selection of its own: say "
            "which with --epoch, -1 for the last"
        )
    return loaded.n_epochs - 1 if epoch == -1 else epoch


def _keys(file: str | Path | None, n: int) -> list[str]:
    if file is None:
        return [f"{index:09d}" for index in range(n)]
    if not Path(file).is_file():
        raise CurateError(f"there is no file of keys {file}: give one key per line, in order of index")
    return Path(file).read_text().split()


def _files(
    loaded: LoadedManifest,
    indices: np.ndarray,
    data: str | Dataset | None,
    opening: Options,
    progress: Progress,
) -> list[str]:
    """The path of each selected image; the dataset may be a re-ordered copy."""
    recorded = loaded.manifest.header.dataset
    dataset = open_dataset(
        data or recorded.reference, opening_for(recorded, opening, data), progress, resident_limit=0
    )
    if not dataset.has_files:
        raise CurateError(f"{dataset.reference} is no folder of images: name one with --data, or use txt")
    aligned, _, said = follow(loaded.manifest, dataset)
    if said:
        progress.note(said)
    return [aligned.name(int(index)) for index in indices]


def _save(path: Path, values: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, values, allow_pickle=False)


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))


def _write_csv(path: Path, loaded: LoadedManifest, epoch: int) -> None:
    samples, weights = loaded.manifest.samples, loaded.weights(epoch)
    names = loaded.manifest.header.dataset.classes
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["index", "uid", "label", "weight"])
        for index in loaded.indices(epoch):
            label = names[samples["label"][index]] if "label" in samples else ""
            writer.writerow([index, f"{samples['uid'][index]:016x}", label, f"{weights[index]:g}"])

"""An embedding in a folder of shards, each with the vectors of consecutive samples and the header of all.

    NAME/vectors-00001-of-00016.safetensors
    NAME/.fit.safetensors                     what was learned before the first vector

A shard that stands is the mark that it is done: a killed `embed` goes on with the first that is missing.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from curate import world
from curate.artifacts.files import atomic_file, check_output
from curate.artifacts.header import Header, canonical
from curate.artifacts.kinds import own_shards
from curate.artifacts.locks import locked
from curate.artifacts.reading import damage_as_one_line
from curate.artifacts.seal import UNSEALED, check_seal, seal_file
from curate.artifacts.standing import header_of, note_standing, stands
from curate.data.dataset import Dataset
from curate.errors import CurateError, DamagedError
from curate.progress import Progress
from curate.vectors.embedder import Fitted, Vectorized
from curate.vectors.embedding import Embedding, Precision, Vectors, as_embedding, open_part, write_part
from curate.vectors.shards import reader_of

_FIT = ".fit.safetensors"
_OWN = ("shard", "n_shards")  # what the summary of a shard says beside that of all


def check_folder(folder: Path) -> None:
    """Refuse an output that is no folder, or that holds anything but shards."""
    if not folder.exists():
        check_output(folder, force=False)
        return
    if not folder.is_dir():
        raise CurateError(f"{folder} is a file, and shards are written to a folder: name another output")
    shards = {shard.name for shard in own_shards(folder)}
    if others := {name for name in os.listdir(folder) if name[0] != "."} - shards:
        raise CurateError(f"{folder} holds {min(others)}, which `embed` did not write: name another output")


@contextmanager
def held_folder(folder: Path, force: bool) -> Iterator[None]:
    """The folder while this process alone writes to it, or its ranks together, with `force` an empty one.

    Where the work comes to nothing, no folder is left.
    """
    ranks = world.here()
    if ranks.rank:
        ranks.wait()
        yield
        return
    is_new = not folder.exists()
    folder.mkdir(exist_ok=True)
    try:
        with locked(folder, f"{folder} is being written by another process: wait for it"):
            for old in [*own_shards(folder), folder / _FIT] if force else []:
                old.unlink(missing_ok=True)
            ranks.wait()
            yield
    finally:
        if is_new:
            with suppress(OSError):
                folder.rmdir()


def kept_fit(folder: Path, header: Header) -> Callable[[Callable[[], Fitted]], Fitted]:
    """A place for what is learned before the first vector: a run that goes on finds it there."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file, save_file

    path, ranks = folder / _FIT, world.here()

    def found() -> Fitted | None:
        if stands(path, header.to_json()):
            with suppress(SafetensorError, DamagedError, OSError, ValueError):
                check_seal(path)
                return load_file(path)
        return None

    def fitted(fit: Callable[[], Fitted]) -> Fitted:
        old = found()
        all_have_it = ranks.total(np.array([float(old is not None)]))[0] == ranks.size
        if old is not None and all_have_it:
            return old
        made = {name: np.asarray(array, order="C") for name, array in fit().items()}
        if ranks.rank == 0:
            unsealed = canonical(replace(header, sha256=UNSEALED).to_json()).decode()
            with atomic_file(path, force=True) as temporary:
                save_file(made, temporary, {"curate": unsealed})
                seal_file(temporary)
        ranks.wait()
        return (found() if ranks.rank else None) or made  # of all, what the first learned

    return fitted


def write_shards(
    folder: Path,
    header: Header,
    vectors: Vectorized,
    dataset: Dataset,
    shard_size: int,
    dtype: Precision,
    reuse: bool,
    progress: Progress,
) -> Embedding:
    """Write the shards that do not stand yet, each of `shard_size` vectors; returns the embedding, opened.

    Without `reuse` those of an earlier run are refused, as are those of another one.
    """
    n, n_written, ranks = len(dataset), 0, world.here()
    n_shards = max(1, -(-n // shard_size))
    expected = {_name(number, n_shards) for number in range(n_shards)}
    if not {shard.name for shard in own_shards(folder)} <= expected:
        check_output(folder, force=False)
    mine = world.dealt(n_shards)
    with progress.task("embed", sum(min(shard_size, n - number * shard_size) for number in mine), "images"):
        for number in mine:
            start, stop = number * shard_size, min(n, (number + 1) * shard_size)
            path = folder / _name(number, n_shards)
            summary = {**header.summary, "shard": number + 1, "n_shards": n_shards}
            own = replace(header, summary=summary)
            if path.exists() and reuse and _is_done(path, own):
                progress.advance(stop - start)
                continue
            part = dataset.take(np.arange(start, stop))
            chunks = advancing(vectors.chunks(start, stop), progress)
            write_part(path, own, chunks, vectors.dim, part, dtype=dtype)
            n_written += 1
    if not ranks.total(np.array([n_written])).any():
        note_standing(folder, progress)
    opened = open_own_shards(folder)
    ranks.wait()  # a rank may go on to remove them
    return opened


def advancing(chunks: Iterator[Vectors], progress: Progress) -> Iterator[Vectors]:
    """The chunks, each told once it is dealt with."""
    for chunk in chunks:
        yield chunk
        progress.advance(len(chunk))


def _is_done(path: Path, header: Header) -> bool:
    """Whether a shard is the one that would be written; one that is damaged is removed."""
    found = header_of(path)
    if found is None or not stands(path, header.to_json()):
        return False
    if found.get("summary") != json.loads(canonical(dict(header.summary))):
        return False
    try:
        check_seal(path)
    except DamagedError:
        path.unlink()
        return False
    return True


def open_own_shards(folder: Path) -> Embedding:
    """The embedding in a folder of shards, all of which are there, checked, and of one run."""
    files = own_shards(folder)
    parts = [open_part(file) for file in files]
    n_shards = int(parts[0].header.summary.get("n_shards", 1))
    if [file.name for file in files] != [_name(number, n_shards) for number in range(len(files))]:
        raise CurateError(f"{folder} lacks shards in between: run the same `curate embed` again")
    if len(files) != n_shards:
        raise CurateError(
            f"{folder} has {len(files):,} of {n_shards:,} shards: run the same `curate embed` again"
        )
    whole = _whole(parts[0].header)
    for file, part in zip(files, parts, strict=True):
        if _run_of(part.header) != _run_of(whole) or part.dim != parts[0].dim:
            raise CurateError(
                f"{file} and {files[0]} are of two runs: name another output, or make all anew with --force"
            )
        if part.columns.keys() != parts[0].columns.keys():
            raise DamagedError(f"{file} has other columns than {files[0]}: make it again")
    seals = "".join(part.header.sha256 for part in parts)
    header = replace(whole, sha256=hashlib.sha256(seals.encode()).hexdigest())
    with damage_as_one_line(folder, "embedding", "make it again"):
        columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
        if len(columns["uid"]) != header.dataset.n:
            raise DamagedError(
                f"{folder} has vectors of {len(columns['uid']):,} samples, and its dataset has "
                f"{header.dataset.n:,}: run the same `curate embed` again"
            )
        read = reader_of([len(part) for part in parts], [part.read for part in parts])
        return as_embedding(folder, header, columns, parts[0].dim, read)


def _whole(header: Header) -> Header:
    """The header of all shards, from that of one."""
    summary = {name: value for name, value in header.summary.items() if name not in _OWN}
    return replace(header, summary=summary)


def _run_of(header: Header) -> Header:
    """What shards of one run have in common, however many ranks wrote them."""
    return replace(_whole(header), sha256="", world_size=1)


def _name(number: int, of: int) -> str:
    return f"vectors-{number + 1:05}-of-{of:05}.safetensors"

"""embed: turn the images of a dataset into vectors."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from curate import finder, world
from curate.artifacts.files import check_ending
from curate.artifacts.header import Header, make_header
from curate.artifacts.standing import check_free, note_standing, same_of, stands
from curate.data.dataset import Dataset, Options, open_dataset, reference_of
from curate.data.own import as_given
from curate.errors import CurateError
from curate.progress import LOGGED, Progress
from curate.vectors.embedder import Embedder, Vectorized, Work
from curate.vectors.embedding import PRECISIONS, Embedding, Precision, open_own, write_embedding
from curate.vectors.own_shards import advancing, check_folder, held_folder, kept_fit, write_shards
from curate.verbs.naming import model_in_words, name_of, output_path, stem, told

_PARTS = 64  # files in which ranks write an embedding, before they are one


def embed(
    dataset: str | Dataset,
    *,
    method: str = "pca",
    dim: int | None = None,
    options: Mapping[str, Any] | None = None,
    opening: Options = Options(),
    seed: int = 0,
    device: str | None = None,
    dtype: str = "float32",
    shard_size: int | None = None,
    output: str | Path | None = None,
    force: bool = False,
    progress: Progress = LOGGED,
) -> Embedding:
    """Write one vector of `dim` numbers per sample; returns the opened embedding.

    `options` are the method's own, `opening` says how a reference is opened, `dtype` (float32 or float16) how
    numbers are stored. With a `shard_size` the output is a folder of files with so many vectors each, and the
    same call goes on where another was killed. Raises CurateError for a dataset, option or output that cannot
    be used.
    """
    stored = _stored(dtype)
    if shard_size is not None and shard_size < 1:
        raise CurateError(f"shard-size={shard_size} is too small: use 1 or more vectors")
    dataset = as_given(dataset, opening, progress)
    embedder = _made(method, options)
    if dim is not None and dim < 1:
        raise CurateError(f"dim={dim} is too small: use 1 or more")
    model = str((options or {}).get("model", ""))
    others = {name: value for name, value in (options or {}).items() if name != "model"}
    parts = [stem(method), model_in_words(model) if model else "", f"{dim}d" if dim else "", told(others)]
    parts.append("" if stored == "float32" else stored)
    name = name_of(reference_of(dataset), *parts, opening=opening, seed=seed)
    path = output_path(output, name if shard_size else f"{name}.safetensors")
    if shard_size is not None:
        check_folder(path)
    else:
        check_ending(path, ".safetensors")
        check_free(path, force, "embed")
    opened = world.first_alone(lambda: open_dataset(dataset, opening, progress))
    work = _work(method, device, seed, progress)
    how: dict[str, Any] = {"dtype": stored} if stored != "float32" else {}
    how |= {"shard_size": shard_size} if shard_size else {}
    header = make_header(
        "embedding",
        "embed",
        {"method": method, **({} if dim is None else {"dim": dim}), **how, **finder.settings(embedder)},
        seed=seed,
        dataset=opened.header(),
        device=work.device_name,
    )
    world.here().agree(same_of(header))

    def in_shards(folder: Path, size: int, force: bool) -> Embedding:
        with held_folder(folder, force):
            reuse = finder.is_ours("embedders", method)  # else its code may be another by now
            own = replace(work, fitted=kept_fit(folder, header)) if reuse else work
            vectors = embedder(opened, dim, own)
            full = _full(header, vectors, len(opened))
            return write_shards(folder, full, vectors, opened, size, stored, reuse, progress)

    if shard_size is not None:
        return in_shards(path, shard_size, force)
    comparable = not force and _tells_all(method, embedder)
    if comparable and dim is not None and stands(path, header.to_json()):
        return _there_already(path, progress)
    if world.here().size > 1:
        made = in_shards(_parts_of(path), max(1, -(-len(opened) // _PARTS)), force)
        if comparable and stands(path, replace(made.header, sha256="").to_json()):
            return world.first_alone(lambda: _there_already(path, progress))
        return world.first_alone(lambda: _joined(made, path, opened, stored, force))
    vectors = embedder(opened, dim, work)
    header = _full(header, vectors, len(opened))
    if comparable and dim is None and stands(path, header.to_json()):  # a dim of the method's own
        return _there_already(path, progress)
    with progress.task("embed", len(opened), "images"):
        chunks = advancing(vectors.chunks(0, len(opened)), progress)
        return write_embedding(path, header, chunks, vectors.dim, opened, dtype=stored, force=force)


def _parts_of(path: Path) -> Path:
    """The folder in which ranks write an embedding, before it is one file."""
    return path.with_name(f".{path.name}.parts")


def _joined(made: Embedding, path: Path, opened: Dataset, dtype: Precision, force: bool) -> Embedding:
    """What ranks wrote in parts, as one file, which the first of them writes."""
    if world.here().rank == 0:
        chunks = (made.read(start, stop) for start, stop in made.chunks())
        write_embedding(
            path, replace(made.header, sha256=""), chunks, made.dim, opened, dtype=dtype, force=force
        )
        shutil.rmtree(made.path)
    return open_own(path)


def _made(method: str, options: Mapping[str, Any] | None) -> Embedder:
    try:
        embedder: Embedder = finder.make("embedders", method, options)
    except CurateError as problem:
        if finder.knows("embedders", method):
            raise
        raise CurateError(f"{problem} A network's are --method features --set model={method}") from None
    return embedder


def _full(header: Header, vectors: Vectorized, n: int) -> Header:
    """The header with all that is known once there are vectors."""
    summary = {"n": n, "dim": vectors.dim, **vectors.summary}
    return replace(header, options={**header.options, "dim": vectors.dim}, summary=summary)


def _stored(dtype: str) -> Precision:
    """A precision by its name."""
    for known in PRECISIONS:
        if dtype == known:
            return known
    raise CurateError(f"there is no dtype '{dtype}': use {' or '.join(PRECISIONS)}")


def _tells_all(method: str, embedder: Embedder) -> bool:
    """Whether a header tells all that vectors depend on: not what a file of code or of weights holds now."""
    weights = finder.settings(embedder).get("weights", "")
    return finder.is_ours("embedders", method) and not (weights and Path(weights).exists())


def _there_already(path: Path, progress: Progress) -> Embedding:
    if world.here().rank == 0:
        shutil.rmtree(_parts_of(path), ignore_errors=True)  # ranks may have been killed before they did
    note_standing(path, progress)
    return open_own(path)


def _work(method: str, device: str | None, seed: int, progress: Progress) -> Work:
    """PCA needs no torch; the other methods compute where torch finds a GPU."""
    if method == "pca":
        if device not in (None, "cpu"):
            raise CurateError(f"device={device} does not fit: pca computes on the CPU; leave out --device")
        return Work(seed=seed, progress=progress)
    from curate.networks.learner import choose_device, device_name

    chosen = choose_device(device)
    return Work(str(chosen), device_name(chosen), seed, progress)

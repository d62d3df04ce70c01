"""embed: turn the images of a dataset into vectors."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from curate import finder
from curate.artifacts.files import check_ending
from curate.artifacts.header import make_header
from curate.artifacts.standing import check_free, note_standing, stands
from curate.data.dataset import Dataset, Options, open_dataset, reference_of
from curate.data.own import as_given
from curate.errors import CurateError
from curate.progress import LOGGED, Progress
from curate.vectors.embedder import Embedder, Work
from curate.vectors.embedding import Embedding, open_embedding, write_embedding
from curate.verbs.naming import model_in_words, name_of, output_path, stem, told


def embed(
    dataset: str | Dataset,
    *,
    method: str = "pca",
    dim: int | None = None,
    options: Mapping[str, Any] | None = None,
    opening: Options = Options(),
    seed: int = 0,
    device: str | None = None,
    output: str | Path | None = None,
    force: bool = False,
    progress: Progress = LOGGED,
) -> Embedding:
    """Write one float32 vector of `dim` numbers per sample; returns the opened embedding.

    `options` are the method's own, `opening` says how a reference is opened. Raises CurateError for a
    dataset, option or output that cannot be used.
    """
    dataset = as_given(dataset, opening, progress)
    try:
        embedder: Embedder = finder.make("embedders", method, options)
    except CurateError as problem:
        if finder.knows("embedders", method):
            raise
        raise CurateError(f"{problem} A network's are --method features --set model={method}") from None
    if dim is not None and dim < 1:
        raise CurateError(f"dim={dim} is too small: use 1 or more")
    reference = reference_of(dataset)
    model = str((options or {}).get("model", ""))
    others = {name: value for name, value in (options or {}).items() if name != "model"}
    parts = [stem(method), model_in_words(model) if model else "", f"{dim}d" if dim else "", told(others)]
    path = output_path(output, f"{name_of(reference, *parts, opening=opening, seed=seed)}.safetensors")
    check_ending(path, ".safetensors")
    check_free(path, force, "embed")
    opened = open_dataset(dataset, opening, progress)
    work = _work(method, device, seed, progress)
    header = make_header(
        "embedding",
        "embed",
        {"method": method, **({} if dim is None else {"dim": dim}), **finder.settings(embedder)},
        seed=seed,
        dataset=opened.header(),
        device=work.device_name,
    )
    comparable = not force and _tells_all(method, embedder)
    if comparable and dim is not None and stands(path, header.to_json()):
        return _there_already(path, progress)
    vectors = embedder(opened, dim, work)
    header = replace(
        header,
        options={"method": method, "dim": vectors.dim, **finder.settings(embedder)},
        summary={"n": len(opened), "dim": vectors.dim, **vectors.summary},
    )
    if comparable and dim is None and stands(path, header.to_json()):  # a dim of the method's own
        return _there_already(path, progress)
    return write_embedding(path, header, vectors.chunks, vectors.dim, opened, force)


def _tells_all(method: str, embedder: Embedder) -> bool:
    """Whether a header tells all that vectors depend on: not what a file of code or of weights holds now."""
    weights = finder.settings(embedder).get("weights", "")
    return finder.is_ours("embedders", method) and not (weights and Path(weights).exists())


def _there_already(path: Path, progress: Progress) -> Embedding:
    note_standing(path, progress)
    return open_embedding(path)


def _work(method: str, device: str | None, seed: int, progress: Progress) -> Work:
    """PCA needs no torch; the other methods compute where torch finds a GPU."""
    if method == "pca":
        if device not in (None, "cpu"):
            raise CurateError(f"device={device} does not fit: pca computes on the CPU; leave out --device")
        return Work(seed=seed, progress=progress)
    from curate.networks.learner import choose_device, device_name

    chosen = choose_device(device)
    return Work(str(chosen), device_name(chosen), seed, progress)

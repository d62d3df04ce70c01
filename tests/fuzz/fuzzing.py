"""Altered files of every kind, and forgeries with a good seal, given to everything that opens them.

A try is known by its kind and its number, and does the same again: `python tests/fuzz/run.py --kind table
--first 17 --tries 1`. It is in order where the file is refused in a line of curate's own, or where what was
opened is what was written.
"""

import io
import json
import logging
import math
import os
import random
import resource
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from helpers.pictures import tar
from safetensors.numpy import save_file

import curate
from curate.artifacts.results import read_results
from curate.artifacts.seal import UNSEALED, file_sha256, seal_file
from curate.data.dataset import Options
from curate.errors import CurateError
from curate.scores.trace import open_trace
from curate.vectors.opening import open_embedding

DEBUG = "CURATE_FUZZ_DEBUG"  # set it to see where it went wrong
SECONDS, BYTES = 60, 2**30  # that no try may take
EVIL: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**33, 2**63, -(2**63), 2**64, 10**400, 0.5, -0.5, 1e308, math.nan,
    math.inf, -math.inf, "", "x", "\x00", "\n", "\u202e", "../../x", "/etc/passwd", "hf:a/b", "a.py:f",
    "x" * 5000, "\ud800", [], {}, [None], [[]], {"": None}, [1, "a", None, {}],
    {"a": {"b": {"c": {"d": [[[[]]]]}}}},
]  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What became of a try: `refused`, `opened`, or what went wrong."""

    kind: str
    number: int
    forged: bool
    said: str
    bad: bool


def workshop(folder: Path) -> dict[str, Path]:
    """One good artifact of every kind, small, by kind."""
    chance = np.random.default_rng(0)
    images, labels = chance.integers(0, 256, (60, 6, 6), dtype=np.uint8), np.arange(60) % 3
    data, made = folder / "data.npz", {}
    np.savez(data, x=images, y=labels)
    opening = Options("all")
    embedding = curate.embed(str(data), dim=3, opening=opening, output=folder / "e.safetensors")
    table = curate.cluster(embedding, 4, output=folder / "c.parquet")
    few = {"models": 2, "epochs": 2, "options": {"width": 1}, "opening": opening}
    curate.score(
        str(data), ["forgetting"], trace=folder / "trace.parquet", output=folder / "s.parquet", **few
    )
    curate.select(table, "random", output=folder / "static")
    run = curate.train(
        str(data), policy="ema", keep=0.5, period=1, epochs=4, options={"width": 1}, trace=True,
        opening=opening, test=str(data), results=folder / "results.parquet", output=folder / "run",
    )  # fmt: skip
    made |= {"embedding": embedding.path, "table": table.path, "scores": folder / "s.parquet"}
    made |= {"static": folder / "static", "session": run.manifest.path, "trace": folder / "trace.parquet"}
    made |= {"results": folder / "results.parquet", "npz": data}
    made["model"] = shutil.copy(folder / "run" / "model.safetensors", folder / "model.safetensors")
    encoded = [_png(image) for image in images]
    structs = [{"bytes": one, "path": "a.png"} for one in encoded]
    pq.write_table(pa.table({"image": structs, "label": labels}), folder / "images.parquet")
    made["images"] = folder / "images.parquet"
    vectors = chance.normal(size=(60, 3)).astype(np.float32)
    np.save(folder / "v.npy", vectors)
    np.savez(folder / "v.npz", vectors=vectors, y=labels)
    save_file({"vectors": vectors}, folder / "v.safetensors")
    pq.write_table(pa.table({"v": list(vectors)}), folder / "v.parquet")
    for name in ("npy", "npz", "safetensors", "parquet"):
        made[f"vectors.{name}"] = folder / f"v.{name}"
    made["photos"] = folder / "photos"
    for number, one in enumerate(encoded[:24]):
        (folder / "photos" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        (folder / "photos" / "ab"[number % 2] / f"{number}.png").write_bytes(one)
    made["tar"] = tar(
        folder / "images.tar", {f"{'ab'[row % 2]}/{row}.png": one for row, one in enumerate(encoded)}
    )
    made["pack"] = Path(curate.pack(str(data), opening=opening, output=folder / "pack.safetensors").reference)
    return made


def _png(image: np.ndarray) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


def altered(content: bytes, chance: random.Random, other: bytes) -> bytes:
    """The bytes with one thing changed: a bit, a byte, a number, a stretch of them, or all behind a place."""
    if not content:
        return bytes([chance.randrange(256)])
    at, to = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    to = min(to, at + chance.choice([1, 4, 8, 64, 1024]))
    number = chance.choice([0, 1, -1, 2**31 - 1, 2**31, 2**63 - 1, 255]).to_bytes(8, "little", signed=True)
    bit = bytes([content[at % len(content)] ^ 1 << chance.randrange(8)])
    made = chance.choice(
        [
            content[:at] + content[to:],
            content[:at],
            content[:at] + bit + content[at + 1 :],
            content[:at] + bytes(to - at) + content[to:],
            content[:at] + chance.randbytes(to - at) + content[to:],
            content[:at] + number + content[at + 8 :],
            content[:at] + number[:4] + content[at + 4 :],
            content[:at] + content[at:to] * 2 + content[to:],
            content[:at] + other[at:to] + content[to:],
            content + chance.randbytes(9),
            b"",
        ]
    )
    return made if made != content else content + b"\x00"


def _spoilt(plain: Any, chance: random.Random) -> None:
    """Something in JSON replaced by what should not be there, dropped, or doubled under another name."""
    place, names = plain, None
    for _ in range(chance.randrange(1, 6)):
        if not isinstance(place, dict | list) or not place:
            break
        names = list(place) if isinstance(place, dict) else list(range(len(place)))
        name, parent = chance.choice(names), place
        place = parent[name]
        if chance.random() < 0.4:
            break
    if names is None:
        return
    what = chance.random()
    if what < 0.15:
        del parent[name]
    elif what < 0.25 and isinstance(parent, dict):
        parent[str(chance.choice(EVIL))[:50]] = place
    else:
        parent[name] = chance.choice(EVIL)


def _spoilt_columns(columns: dict[str, list[Any]], chance: random.Random) -> None:
    name = chance.choice(list(columns))
    what = chance.random()
    if what < 0.1:
        del columns[name]
    elif what < 0.2:
        columns[name] = [str(value) for value in columns[name]]
    elif what < 0.3:
        chance.shuffle(columns[name])
    elif columns[name]:
        columns[name][chance.randrange(len(columns[name]))] = chance.choice(EVIL)


def _column(values: list[Any], kind: pa.DataType | None) -> pa.Array:
    """A column of its type where that holds the values, else of one that does."""
    for attempt in (lambda: pa.array(values, kind), lambda: pa.array(values)):
        try:
            made = attempt()
            pq.write_table(pa.table({"a": made}), io.BytesIO())
            return made
        except (pa.ArrowException, OverflowError, ValueError, TypeError):
            continue
    return pa.array(list(map(ascii, values)))


def _forge_parquet(path: Path, chance: random.Random) -> None:
    file = pq.ParquetFile(path)
    metadata = file.metadata.metadata or {}
    groups = [file.read_row_group(group).to_pydict() for group in range(file.num_row_groups)]
    header = json.loads(metadata.get(b"curate", b"null"))
    if header is not None and chance.random() < 0.6:
        _spoilt(header, chance)
    elif groups:
        _spoilt_columns(chance.choice(groups), chance)
    types = {field.name: field.type for field in file.schema_arrow}
    tables = [
        pa.table({name: _column(values, types.get(name)) for name, values in group.items()})
        for group in groups
    ]
    schema = tables[0].schema
    with pq.ParquetWriter(path, schema, store_schema=False) as writer:
        for table in tables:
            try:
                writer.write_table(table.cast(schema), row_group_size=max(1, len(table)))
            except (pa.ArrowException, ValueError):
                continue
        if header is not None:
            sealed = header | {"sha256": UNSEALED} if isinstance(header, dict) else header
            writer.add_key_value_metadata({"curate": json.dumps(sealed)})
    if header is not None:
        seal_file(path)


def _forge_folder(folder: Path, chance: random.Random) -> None:
    header = json.loads((folder / "manifest.json").read_bytes())
    if chance.random() < 0.4:
        _forge_parquet(folder / chance.choice(["selection.parquet", "samples.parquet"]), chance)
    else:
        _spoilt(header, chance)
    if isinstance(header.get("files"), dict) and chance.random() < 0.8:
        for name in header["files"]:
            if isinstance(name, str) and (folder / name).is_file():
                header["files"][name] = file_sha256(folder / name)
    header["sha256"] = UNSEALED
    (folder / "manifest.json").write_text(json.dumps(header))
    seal_file(folder / "manifest.json")


def _forge_safetensors(path: Path, chance: random.Random) -> None:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        metadata = dict(file.metadata() or {})
        held = {name: file.get_tensor(name).copy() for name in file.keys()}  # noqa: SIM118
    key = next((name for name in ("curate", "curate_model") if name in metadata), None)
    if key is not None and chance.random() < 0.7:
        about = json.loads(metadata[key])
        _spoilt(about, chance)
        if key == "curate" and isinstance(about, dict):
            about["sha256"] = UNSEALED
        metadata[key] = json.dumps(about)
    else:
        name = chance.choice([name for name, tensor in held.items() if tensor.ndim])
        held[name] = chance.choice(
            [
                held[name].ravel(),
                held[name][:-1],
                held[name].astype(np.float64),
                held[name].astype(np.int8),
                np.zeros((0, 3), np.float32),
                -held[name].astype(np.float32),
                held[name] * 0 if held[name].dtype.kind == "u" else np.full_like(held[name], -1),
            ]
        )
    save_file(held, path, metadata=metadata or None)
    if key == "curate":
        seal_file(path)


def forged(path: Path, chance: random.Random) -> None:
    """Change what an artifact says, and seal it again, as somebody would who knows how."""
    if path.is_dir():
        _forge_folder(path, chance)
    elif path.suffix == ".parquet":
        _forge_parquet(path, chance)
    else:
        _forge_safetensors(path, chance)


def _uses(kind: str) -> Callable[[Path, Path], object]:
    """All that is done with an artifact of a kind, given where it lies and where outputs go."""
    if kind in ("static", "session"):
        return _use_manifest
    if kind in ("table", "scores"):
        return _use_table
    if kind == "embedding" or kind.startswith("vectors"):
        return _use_vectors
    return {
        "trace": _use_trace,
        "results": _use_results,
        "model": _use_model,
        "npz": _use_data,
        "images": _use_data,
        "photos": _use_data,
        "tar": _use_data,
        "pack": _use_data,
    }[kind]


def _use_manifest(path: Path, out: Path) -> object:
    manifest = curate.open_manifest(path)
    seen = [repr(manifest), len(manifest), manifest.n_rows, manifest.samples.keys()]
    seen += [manifest.selected(epoch).indices.sum() for epoch in range(manifest.n_epochs)]
    seen += [manifest.weights(0).sum()]
    curate.inspect(path).as_dict()
    _tolerant(lambda: curate.inspect(path, by="class"), lambda: curate.load_manifest(path).rows(0))
    _tolerant(lambda: curate.export(path, "csv", output=out / "x.csv"), lambda: curate.compare(path, path))
    _tolerant(lambda: curate.push(path, "ann/b", dry_run=True))
    _tolerant(
        lambda: curate.replay(
            path, str(path.parent / "data.npz"), epochs=1, trials=1, output=out / "r.parquet"
        )
    )
    return seen


def _use_table(path: Path, out: Path) -> object:
    table = curate.open_table(path)
    curate.inspect(path).as_dict()
    _tolerant(lambda: curate.select(table, keep=0.5, output=out / "m"), lambda: curate.compare(path, path))
    _tolerant(lambda: curate.select(table, regime="auto", class_floor=0.5, output=out / "n"))
    return table.columns


def _use_vectors(path: Path, out: Path) -> object:
    embedding = open_embedding(path)
    seen = embedding.read(0, embedding.n)
    curate.inspect(path).as_dict()
    _tolerant(lambda: curate.cluster(path, 2, output=out / "c.parquet"))
    return seen


def _use_trace(path: Path, out: Path) -> object:
    trace = open_trace(path)
    seen = [epoch.loss.sum() for epoch in trace.epochs()]
    curate.inspect(path).as_dict()
    _tolerant(lambda: curate.score(None, "forgetting", trace=path, output=out / "s.parquet"))
    return seen


def _use_results(path: Path, out: Path) -> object:
    rows = read_results(path)
    curate.inspect(path).as_dict()
    _tolerant(lambda: curate.compare(path))
    return rows


def _use_model(path: Path, out: Path) -> object:
    seen = curate.inspect(path).as_dict()
    _tolerant(
        lambda: curate.embed(
            str(path.parent / "data.npz"), method="features", options={"weights": str(path)},
            output=out / "f.safetensors",
        )
    )  # fmt: skip
    return seen


def _use_data(path: Path, out: Path) -> object:
    data = curate.open_dataset(str(path), Options("all"))
    curate.inspect(str(path), opening=Options("all")).as_dict()
    return data.images.read(np.arange(len(data)))


def _tolerant(*uses: Callable[[], object]) -> None:
    """Each of these may be refused."""
    for use in uses:
        try:
            use()
        except CurateError:
            continue


SEALED = (
    "embedding",
    "table",
    "scores",
    "static",
    "session",
    "trace",
    "results",
    "pack",
)  # where no change is missed
FORGEABLE = (*SEALED, "model", "images", "vectors.safetensors", "vectors.parquet")


def one_try(kind: str, number: int, made: dict[str, Path], folder: Path, forge: bool) -> Outcome:
    """Alter or forge a copy of an artifact, and use it in every way."""
    chance = random.Random(f"{kind} {number} {forge}")
    place = folder / "try"
    shutil.rmtree(place, ignore_errors=True)
    (place / "out").mkdir(parents=True)
    shutil.copy(made["npz"], place / "data.npz")
    source = made[kind]
    path = place / ("data.npz" if kind == "npz" else source.name)
    if source.is_dir():
        shutil.copytree(source, path)
    else:
        shutil.copy(source, path)
    if forge:
        forged(path, chance)
    else:
        files = sorted(file for file in path.rglob("*") if file.is_file() and file.name != "README.md")
        file = chance.choice(files) if source.is_dir() else path
        other = made[chance.choice(list(made))]
        file.write_bytes(altered(file.read_bytes(), chance, other.read_bytes() if other.is_file() else b""))
    try:
        with _limits(), redirect_stdout(io.StringIO()):
            _uses(kind)(path, place / "out")
    except CurateError as problem:
        line = str(problem)
        return Outcome(kind, number, forge, f"refused: {line[:200]}", "\n" in line or len(line) > 2000)
    except BaseException as problem:
        if DEBUG in os.environ:
            raise
        return Outcome(kind, number, forge, f"{type(problem).__name__}: {str(problem)[:300]}", True)
    misread = kind in SEALED and not forge
    return Outcome(kind, number, forge, "opened, though it was altered" if misread else "opened", misread)


@contextmanager
def _limits() -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError(f"not done after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def tries(
    kinds: tuple[str, ...], numbers: range, made: dict[str, Path], folder: Path, forge: bool
) -> list[Outcome]:
    """So many tries of each kind; a process that grew beyond its bound is a finding as well."""
    with warnings.catch_warnings(), _silence():
        warnings.simplefilter("ignore")
        return _tried(kinds, numbers, made, folder, forge)


@contextmanager
def _silence() -> Iterator[None]:
    logger = logging.getLogger("curate")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _tried(
    kinds: tuple[str, ...], numbers: range, made: dict[str, Path], folder: Path, forge: bool
) -> list[Outcome]:
    found = []
    for kind in kinds:
        for number in numbers:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            outcome = one_try(kind, number, made, folder, forge)
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
            if grown > BYTES:
                outcome = Outcome(kind, number, forge, f"{outcome.said}; took {grown / 2**30:.1f} GiB", True)
            found.append(outcome)
    return found

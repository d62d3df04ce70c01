"""(h) Two ranks on the device or devices: what they make beside what one makes, and how long each takes.

Where each rank has a GPU they talk through NCCL, where they share one through gloo. Of training it is told
how much of every selection is alike, of vectors and scores by how much they differ at most.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from gpu_stages.day import Day, Result, Size, Stage, each

ROOT = Path(__file__).parents[2]
SIZES = (1, 2)


def cells(size: Size) -> list[str]:
    return ["embed", "score", "train"]


def measure(cell: str, day: Day) -> Result:
    import torch

    folder = day.work / "ranks"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    seconds = {size: _run(_words(cell, day), folder, size) for size in SIZES}
    n_gpus = torch.cuda.device_count() if day.device == "cuda" else 0
    return {"seconds": seconds, "n_gpus": n_gpus, **_compared(cell, folder)}


def _words(cell: str, day: Day) -> list[str]:
    trained = ["--model", day.size.model, "--epochs", "4", "--device", day.device]
    if cell == "embed":
        how = ["--method", "autoencoder", "--set", "n_steps=100", "--device", day.device]
        return ["embed", day.train, *how, "-o", "of-SIZE.safetensors"]
    if cell == "score":
        return ["score", day.train, "--method", "el2n", "--models", "1", *trained, "-o", "of-SIZE.parquet"]
    return ["train", day.train, "--policy", "ema", "--keep", "0.3", *trained, "-o", "of-SIZE"]


def _run(words: list[str], folder: Path, size: int) -> float:
    """Seconds from start to end of a command by so many ranks."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(size)]
    began = time.perf_counter()
    done = subprocess.run(
        [*launch, "-m", "curate", *(word.replace("SIZE", str(size)) for word in words)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-400:])
    return round(time.perf_counter() - began, 2)


def _compared(cell: str, folder: Path) -> Result:
    """How far two ranks are from one."""
    import numpy as np

    import curate

    if cell == "train":
        one, two = (curate.open_manifest(folder / f"of-{size}") for size in SIZES)
        pairs = [(one.selected(epoch).indices, two.selected(epoch).indices) for epoch in range(one.n_epochs)]
        shared = [len(np.intersect1d(*pair)) / len(pair[0]) for pair in pairs]
        return {"selected alike": min(shared)}
    if cell == "embed":
        made = [curate.open_embedding(folder / f"of-{size}.safetensors") for size in SIZES]
        vectors = [embedding.read(0, embedding.n) for embedding in made]
        return {"differ by": float(np.abs(vectors[0] - vectors[1]).max() / np.abs(vectors[0]).max())}
    scores = [curate.open_table(folder / f"of-{size}.parquet").columns["el2n"] for size in SIZES]
    return {"differ by": float(np.abs(scores[0] - scores[1]).max())}


def page(results: list[Result]) -> list[str]:
    lines = [
        "| command | card | GPUs | one rank, s | two ranks, s | two beside one |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        one, two = (result["seconds"][str(size)] for size in SIZES)
        alike = result.get("selected alike")
        what = f"differ by {result['differ by']:.1e}" if alike is None else f"{alike:.1%} selected alike"
        lines.append(f"| {result['cell']} | {result['card']} | {result['n_gpus']} | {one} | {two} | {what} |")
    return [*lines, "", "Whole commands, once each; two ranks on one GPU share it.", ""]


STAGE = Stage("ranks", "Two ranks", 4, True, cells, each(measure, 60), page)

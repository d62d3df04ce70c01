"""From MNIST to an accuracy by four commands: the time that is neither training, k-means nor PCA.

    python benchmarks/four_commands.py --data MNIST [-n 3]

embed, cluster with k = 500, select of the 30,000 furthest, and replay of LeNet-5, one trial of five epochs:
each a process of its own. In each the clock also runs within PCA (learning and projecting), k-means and the
epochs of training. What is left is start-up, reading, testing and writing. The images are in MNIST's own IDX
files, which are written first from whatever MNIST is named.
"""

import argparse
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import spread, write

import curate

_CLOCK = """
import sys, time
inside = [0.0]
def timed(function):
    def inner(*given, **how):
        began = time.perf_counter()
        try:
            return function(*given, **how)
        finally:
            inside[0] += time.perf_counter() - began
    return inner
def drawn(chunks):
    following = timed(lambda: next(chunks, None))
    while (chunk := following()) is not None:
        yield chunk
if sys.argv[1] == "embed":
    from curate.verbs import embed as verb
    from curate.vectors.embedders import pca
    pca._exact = timed(pca._exact)
    verb.advancing = lambda chunks, progress, own=verb.advancing: own(drawn(chunks), progress)
elif sys.argv[1] == "cluster":
    from curate.verbs import cluster as verb
    verb.kmeans = timed(verb.kmeans)
elif sys.argv[1] == "replay":
    from curate.training import loop
    loop.train_epoch = timed(loop.train_epoch)
from curate.cli.main import main
try:
    main()
finally:
    open(CLOCK, "w").write(str(inside[0]))
"""


def main() -> None:
    """Run the commands in turn, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("-n", type=int, default=3)
    asked = parser.parse_args()
    whole: dict[str, list[float]] = {}
    left: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as cache:
        as_idx(asked.data, Path(root) / "MNIST" / "raw")
        for number in range(asked.n + 1):  # the first loads the libraries, and is not counted
            with tempfile.TemporaryDirectory() as folder:
                for name, (seconds, inside) in _once(root, Path(folder), cache).items():
                    if number:
                        whole.setdefault(name, []).append(seconds)
                        left.setdefault(name, []).append(seconds - inside)
    rows = [f"| {name} | {spread(whole[name])} | {spread(left[name])} |" for name in whole]
    sums = [[sum(run) for run in zip(*each.values(), strict=True)] for each in (whole, left)]
    lines = [
        "# From MNIST to an accuracy by four commands",
        "",
        "| command | seconds | of these neither training, k-means nor PCA |",
        "|---|---|---|",
        *rows,
        f"| **in all** | {spread(sums[0])} | {spread(sums[1])} |",
        "",
        "`python benchmarks/four_commands.py --data MNIST`",
    ]
    write("four_commands", lines, {"whole": whole, "left": left})


def as_idx(data: str, folder: Path) -> None:
    """Write a dataset as MNIST's own files."""
    folder.mkdir(parents=True)
    for split, name in (("train", "train"), ("test", "t10k")):
        opened = curate.open_dataset(data, curate.Options(split))
        images = opened.images.read(np.arange(len(opened)))[..., 0]
        for kind, magic, values in (
            ("images-idx3", 0x803, images),
            ("labels-idx1", 0x801, opened.labels.astype(np.uint8)),
        ):
            start = struct.pack(f">{1 + values.ndim}I", magic, *values.shape)
            (folder / f"{name}-{kind}-ubyte").write_bytes(start + values.tobytes())


def _once(root: str, folder: Path, cache: str) -> dict[str, tuple[float, float]]:
    """Seconds of each command, and those within what it is for."""
    trial = ["--model", "lenet5", "--epochs", "5", "--trials", "1"]
    commands = {
        "embed": ["mnist", "--root", root, "--dim", "50", "-o", "vectors.safetensors"],
        "cluster": ["vectors.safetensors", "-k", "500", "-o", "clusters.parquet"],
        "select": ["clusters.parquet", "--keep", "30000", "-o", "manifest"],
        "replay": ["manifest", "--root", root, *trial, "-o", "results.parquet"],
    }
    took = {}
    for name, words in commands.items():
        clock = folder / "clock"
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", f"CLOCK = {str(clock)!r}\n{_CLOCK}", name, *words],
            cwd=folder,
            env={**os.environ, "CURATE_CACHE": cache},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(done.stderr)
        took[name] = seconds, float(clock.read_text())
    return took


if __name__ == "__main__":
    main()

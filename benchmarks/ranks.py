"""What a second rank saves, where each rank has a core and one thread: ratios, two ranks to one.

    python benchmarks/ranks.py [-n 3]

Vectors and images are drawn at random: 200,000 vectors of 64 numbers for k-means with k = 500, 2,048 images
of 64 x 64 for torchvision's resnet18, and for a resnet10 in batches of 128. Only the work is timed, on the
rank that takes longest, and not the start. One and two ranks take turns. The last row is what all ranks do at
a checkpoint with the losses of 1,280,000 samples.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import torch
from common import ratio, spread, write
from torchvision.models import resnet18

import curate
from curate import world
from curate.networks import learner as learners
from curate.progress import LOGGED
from curate.selection.policies.full import Full
from curate.training.batches import Batches
from curate.training.book import Book
from curate.training.evaluate import evaluate
from curate.training.loop import fit
from curate.vectors.embedder import Work
from curate.vectors.embedders.features import Features
from curate.vectors.kmeans import kmeans

N_VECTORS, DIM, K, N_IMAGES, SIDE, N_LOSSES = 200_000, 64, 500, 2048, 64, 1_280_000


def main() -> None:
    """Run one and two ranks in turn, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=3)
    asked = parser.parse_args()
    seconds: dict[str, dict[int, list[float]]] = {}
    for _ in range(asked.n):
        for size in (1, 2):
            for name, value in _ranks(size).items():
                seconds.setdefault(name, {1: [], 2: []})[size].append(value)
    lines = [
        f"    python benchmarks/ranks.py -n {asked.n}",
        "",
        "| work | one rank, s | two ranks, s | one / two |",
        "|---|---|---|---|",
    ]
    for name, both in seconds.items():
        times = ratio(both[1], both[2]) if name != "gather losses" else ""
        lines.append(f"| {name} | {spread(both[1], 3)} | {spread(both[2], 3)} | {times} |")
    write(
        "ranks", lines, {name: {str(size): of for size, of in both.items()} for name, both in seconds.items()}
    )


def _ranks(size: int) -> dict[str, float]:
    """Seconds of each work by so many ranks: of the one that takes longest."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(size)}
    shared |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", "from ranks import rank; rank()"],
            env={**shared, "RANK": str(number), "LOCAL_RANK": str(number)},
            cwd=os.path.dirname(os.path.abspath(__file__)),
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(size)
    ]
    told = [json.loads(one.communicate()[0]) for one in running]
    return {name: max(of[name] for of in told) for name in told[0]}


def rank() -> None:
    """What one rank does, and prints."""
    if world.is_started():
        world.join()
    ranks, took = world.here(), {}
    chance = np.random.default_rng(0)

    def timed(name: str, work: Callable[[], object]) -> None:
        ranks.wait()
        began = time.perf_counter()
        work()
        took[name] = time.perf_counter() - began

    vectors = chance.standard_normal((N_VECTORS, DIM), np.float32)
    timed("k-means", lambda: kmeans(lambda start, stop: vectors[start:stop], N_VECTORS, DIM, K))
    images = chance.integers(0, 256, (N_IMAGES, SIDE, SIDE, 3), dtype=np.uint8)
    data = curate.Dataset.from_arrays(images, chance.integers(0, 10, N_IMAGES))
    with tempfile.TemporaryDirectory() as folder:
        weights = os.path.join(folder, "weights.pt")
        torch.save(resnet18().state_dict(), weights)
        made = Features("resnet18", weights, SIDE)(data, None, Work())

    def embedded() -> None:
        for number in world.dealt(8):
            start, stop = N_IMAGES * number // 8, N_IMAGES * (number + 1) // 8
            for _ in made.chunks(start, stop):
                pass

    timed("embed --method features", embedded)
    learner = learners.build("resnet10", {}, data, 0, torch.device("cpu"))
    batches = Batches(data, learner, "crop-flip")
    timed("pass in evaluation mode", lambda: evaluate(learner, batches, 10, ranks))
    epoch = fit(
        learner,
        Full(),
        batches,
        available=np.arange(N_IMAGES),
        hyperparameters=learner.hyperparameters.__class__(n_epochs=1, batch_size=128),
        seed=0,
        ranks=ranks,
        progress=LOGGED,
    )
    timed("epoch of training", lambda: list(epoch))
    book = Book(N_LOSSES, torch.device("cpu"))
    start, stop = world.share(N_LOSSES)
    timed("gather losses", lambda: book.share(np.arange(start, stop), ranks))
    world.leave()
    print(json.dumps(took))


if __name__ == "__main__":
    main()

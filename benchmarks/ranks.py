"""What a second rank saves, where each rank has a core and one thread: ratios, two ranks to one.

    python benchmarks/ranks.py [-n 3]

Vectors and images are drawn at random: 200,000 vectors of 64 numbers for k-means with k = 500, 2,048 images
of 64 x 64 for torchvision's resnet18, and for a resnet10 in batches of 128. Only the work is timed, on the
rank that takes longest, and not the start. One rank, two, and two processes that do the work of one rank each
and know nothing of each other take turns: what two such do in the time of one is what this machine lets two
cores do at most. The last rows are what all ranks do at a checkpoint with the losses of 1,280,000 samples,
and a hundred sums of 129 numbers: batch normalization of 64 channels asks for one in each direction.
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
from pathlib import Path

import numpy as np
import torch
from common import ratio, spread, write
from torchvision.models import resnet18

import curate
from curate import world
from curate.networks import learner as learners
from curate.progress import LOGGED
from curate.scores.scorers.duplicate import Duplicate
from curate.selection.policies.full import Full
from curate.training.batches import Batches
from curate.training.book import Book
from curate.training.evaluate import evaluate
from curate.training.loop import fit
from curate.vectors.embedder import Work
from curate.vectors.embedders.features import Features
from curate.vectors.kmeans import kmeans
from curate.vectors.opening import open_embedding

N_VECTORS, DIM, K, N_IMAGES, SIDE, N_LOSSES = 200_000, 64, 500, 2048, 64, 1_280_000


def main() -> None:
    """Run one and two ranks in turn, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=3)
    asked = parser.parse_args()
    seconds: dict[str, dict[str, list[float]]] = {}
    for _ in range(asked.n):
        for kind, run in (("one", lambda: _ranks(1)), ("two", lambda: _ranks(2)), ("apart", _apart)):
            for name, value in run().items():
                seconds.setdefault(name, {}).setdefault(kind, []).append(value)
    lines = [
        f"    python benchmarks/ranks.py -n {asked.n}",
        "",
        "| work | one rank, s | two ranks, s | one / two | two processes apart, times one |",
        "|---|---|---|---|---|",
    ]
    for name, own in seconds.items():
        cells = [spread(own["one"], 3), spread(own["two"], 3), "", ""]
        if name not in ("gather losses", "a hundred sums"):
            most = ratio([2 * one for one in own["one"]], own["apart"])
            cells[2:] = [ratio(own["one"], own["two"]), most]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    write("ranks", lines, seconds)


def _apart() -> dict[str, float]:
    """Seconds of each work of one rank, done by two processes at once: of the one that takes longest."""
    with tempfile.TemporaryDirectory() as meeting:
        return _longest([_started({"APART": f"{meeting} {number}"}) for number in range(2)])


def _ranks(size: int) -> dict[str, float]:
    """Seconds of each work by so many ranks: of the one that takes longest."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(size)}
    numbers = map(str, range(size))
    return _longest([_started({**meeting, "RANK": number, "LOCAL_RANK": number}) for number in numbers])


def _started(who: dict[str, str]) -> "subprocess.Popen[str]":
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, "-c", "from ranks import rank; rank()"],
        env={**os.environ, **one_thread, **who},
        cwd=os.path.dirname(os.path.abspath(__file__)),
        stdout=subprocess.PIPE,
        text=True,
    )


def _longest(running: "list[subprocess.Popen[str]]") -> dict[str, float]:
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
        _meet(name)
        began = time.perf_counter()
        work()
        took[name] = time.perf_counter() - began

    vectors = chance.standard_normal((N_VECTORS, DIM), np.float32)
    timed("k-means", lambda: kmeans(lambda start, stop: vectors[start:stop], N_VECTORS, DIM, K))
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/vectors.npy", vectors)
        opened = open_embedding(f"{folder}/vectors.npy")
        timed("near-duplicates", lambda: Duplicate(within="clusters").from_embedding(opened, LOGGED))
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
    few = torch.zeros(129, dtype=torch.float64)
    timed("a hundred sums", lambda: [ranks.add_up(few) for _ in range(100)])
    world.leave()
    print(json.dumps(took))


def _meet(name: str) -> None:
    """Begin a work together with the other process that knows nothing of this one."""
    if "APART" not in os.environ:
        return
    folder, number = os.environ["APART"].split()
    Path(folder, f"{name}.{number}").touch()
    while not Path(folder, f"{name}.{1 - int(number)}").exists():
        time.sleep(0.001)


if __name__ == "__main__":
    main()

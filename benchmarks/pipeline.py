"""The whole MNIST pipeline against the bare time of its own training steps.

    python benchmarks/pipeline.py --data mnist
    python benchmarks/pipeline.py --data MNIST_IN_PARQUET --result pipeline_parquet

Pipeline: read train and test images, PCA-50, k-means with k = 500, the 30,000 furthest, LeNet-5 for 5
epochs at batch 64 with Adam 1e-3 and its cosine rate, test. Bare: forward, backward and step of the same
network, written as in the textbook, with torch's default Adam, on normalised tensors already in place. Both
in one process, in turn, after imports.
"""

import argparse
import itertools
import shutil
import tempfile
from pathlib import Path

from common import alternate, ratio, spread, write

N_SELECTED, N_EPOCHS, BATCH = 30_000, 5, 64
PARTS = ("read", "embed", "cluster", "select", "replay")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--result", default="pipeline", help="name of the results page")
    parser.add_argument("-n", type=int, default=5)
    arguments = parser.parse_args()
    work = Path(tempfile.mkdtemp())
    try:
        _warm_up(arguments.data, work)
        ways = {"bare": _bare, "pipeline": lambda: _pipeline(arguments.data, work)}
        seconds, results = alternate(ways, arguments.n)
    finally:
        shutil.rmtree(work)
    outcome = results["pipeline"]
    training = [entry["train"] for entry in outcome]
    parts = {
        part: [entry[part] for entry in outcome] for part in ("read", "embed", "cluster", "select", "replay")
    }
    rows = [
        "# Whole pipeline against bare training steps, MNIST, 30,000 furthest, LeNet-5, 5 epochs",
        "",
        "| | seconds, mean ± std (n) |",
        "|---|---|",
        f"| bare forward, backward, step | {spread(seconds['bare'])} |",
        f"| whole pipeline | {spread(seconds['pipeline'])} |",
        f"| of it: training | {spread(training)} |",
        *(f"| of it: {part} | {spread(values)} |" for part, values in parts.items()),
        f"| **pipeline / bare** | {ratio(seconds['pipeline'], seconds['bare'])} |",
        f"| training in the pipeline / bare | {ratio(training, seconds['bare'])} |",
        f"| test accuracy, % | {spread([100 * entry['accuracy'] for entry in outcome])} |",
        "",
        f"`python benchmarks/pipeline.py --data {Path(arguments.data).name}`; exactly 30,000 selected.",
        "The replay part holds training, testing, and preparing the images.",
    ]
    write(arguments.result, rows, {"seconds": seconds, "pipeline": outcome})


def _warm_up(data: str, work: Path) -> None:
    import curate

    few = curate.open_dataset(data, curate.Options(split="test"))
    embedding = curate.embed(few, output=work / "warm.safetensors")
    manifest = curate.select(
        curate.cluster(embedding, 50, output=work / "warm.parquet"), output=work / "warm"
    )
    curate.replay(manifest, few, test=few, model="lenet5", trials=1, hyperparameters={"n_epochs": 1})


def _bare() -> float:
    import torch
    from torch import nn

    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    images, labels = torch.randn(N_SELECTED, 1, 32, 32), torch.randint(0, 10, (N_SELECTED,))
    loss = torch.zeros(())
    for _ in range(N_EPOCHS):
        for start in range(0, N_SELECTED, BATCH):
            loss = criterion(network(images[start : start + BATCH]), labels[start : start + BATCH])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return float(loss.detach())


def _pipeline(data: str, work: Path) -> dict:
    import time

    import curate

    marks = [time.perf_counter()]

    def mark() -> None:
        marks.append(time.perf_counter())

    train, test = (curate.open_dataset(data, curate.Options(split=split)) for split in ("train", "test"))
    mark()
    embedding = curate.embed(train, dim=50, output=work / "e.safetensors", force=True)
    mark()
    table = curate.cluster(embedding, 500, output=work / "c.parquet", force=True)
    mark()
    manifest = curate.select(table, "furthest", keep=N_SELECTED, output=work / "m", force=True)
    mark()
    outcome = curate.replay(manifest, train, test=test, model="lenet5", trials=1)
    mark()
    assert len(manifest.selected(0).indices) == N_SELECTED
    seconds = [after - before for before, after in itertools.pairwise(marks)]
    trial = outcome.runs[0].trials[0]
    return dict(zip(PARTS, seconds, strict=True), train=trial.train_seconds, accuracy=trial.accuracy)


if __name__ == "__main__":
    main()

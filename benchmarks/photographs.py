"""The default model for images beyond 48 pixels beside others: accuracy, cost, and what a batch keeps.

    python benchmarks/photographs.py --data cifar10 [--samples 2000] [--epochs 15] [-n 3]

Images are brought to 64 pixels, as mixed photographs are. All models train for as many epochs on the same
samples, with their own hyperparameters otherwise, and are tested once, after the last epoch.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from common import spread, write
from torch.utils.flop_counter import FlopCounterMode

import curate
from curate.networks import memory
from curate.networks.learner import Learner

MODELS = {"basic-cnn": {}, "resnet10": {}, "resnet18": {"stem": "7x7"}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("-n", type=int, default=3)
    asked = parser.parse_args()
    opening = curate.Options(image_size=asked.image_size)
    data = curate.open_dataset(asked.data, opening)
    chosen = np.sort(np.random.default_rng(0).permutation(len(data))[: asked.samples])
    data, test = data.take(chosen), curate.open_dataset(asked.data, curate.Options("test", asked.image_size))
    runs: dict[str, dict[str, list[float]]] = {}
    for seed in range(asked.n):
        for name, options in MODELS.items():
            with tempfile.TemporaryDirectory() as folder:
                made = curate.train(
                    data,
                    name,
                    options=options,
                    hyperparameters={"n_epochs": asked.epochs},
                    test=test,
                    evaluate_every=asked.epochs,
                    seed=seed,
                    output=Path(folder) / "run",
                )
            one = runs.setdefault(name, {"accuracy": [], "seconds": []})
            one["accuracy"].append(100 * (made.epochs[-1].test_accuracy or 0.0))
            one["seconds"].append(made.train_seconds)
    dataset = Path(asked.data).name.upper()
    lines = [
        f"# Models for photographs: {dataset} at {asked.image_size} pixels, {len(data):,} samples, "
        f"{asked.epochs} epochs",
        "",
        "| model | test accuracy, % | training, s | parameters | multiplications an image | batch, MB |",
        "|---|---|---|---|---|---|",
    ]
    for name, options in MODELS.items():
        learner = curate.build(name, data, options=options)
        size = sum(parameter.numel() for parameter in learner.module.parameters())
        batch = learner.hyperparameters.batch_size
        kept = memory.bytes_per_sample(learner) * batch / 1e6
        accuracy, seconds = (
            spread(runs[name][field], digits) for field, digits in (("accuracy", 1), ("seconds", 0))
        )
        lines.append(
            f"| {name} | {accuracy} | {seconds} | {size:,} | {multiplications(learner) / 1e6:,.0f} million "
            f"| {kept:,.0f} ({batch}) |"
        )
    lines += ["", f"`python benchmarks/photographs.py --data {dataset}`"]
    write("photographs", lines, {"runs": runs})


def multiplications(learner: Learner) -> float:
    """How many multiplications the forward pass of an image has."""
    image = torch.zeros(1, learner.n_channels, *learner.input_size)
    learner.module.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        learner.module(image)
    return counter.get_total_flops() / 2


if __name__ == "__main__":
    main()

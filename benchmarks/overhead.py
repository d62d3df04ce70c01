"""What selecting costs: runs at keep q against q times full training, and a checkpoint of 1.28M samples.

    python benchmarks/overhead.py --data MNIST
    python benchmarks/overhead.py --data CIFAR10 --model resnet18 --name overhead_gpu

Runs are timed from the first epoch to the finished manifest, saving and one test included; full training
alike. The period is 10 epochs, as many as a run has: one pass over all losses for ten epochs. On a CPU runs
have one thread and are timed in seconds of the processor, which other work on the machine disturbs least; on
a GPU in seconds.
"""

import argparse
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from common import spread, write

from curate.progress import Progress

N = 1_281_167  # training images of ImageNet
POLICIES = ("random", "ema", "ucb")
AS_PUBLISHED = {"warm_up": 0, "observe": "evaluation"}  # by the losses of training, selecting needs no pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", default="lenet5")
    parser.add_argument("--keeps", type=float, nargs="+", default=[0.1, 0.3])
    parser.add_argument("-n", type=int, default=3)
    parser.add_argument("--name", default="overhead")
    arguments = parser.parse_args()
    selecting = checkpoints(arguments.n)
    seconds = runs(arguments)
    full = seconds["full"]
    name = Path(arguments.data).name.upper()
    lines = [
        f"# What selecting costs: {name}, {arguments.model}, 10 epochs, period 10",
        "",
        f"Full training takes f = {spread(full, 1)} s{'' if _on_gpu() else ' of the processor'}.",
        "",
        "| policy | keep q | time / f, mean ± std (n) | above q |",
        "|---|---|---|---|",
    ]
    for policy in POLICIES:
        for keep in arguments.keeps:
            ratios = [one / whole for one, whole in zip(seconds[f"{policy} {keep}"], full, strict=True)]
            lines.append(f"| {policy} | {keep} | {spread(ratios, 3)} | {np.mean(ratios) - keep:+.3f} |")
    lines += [
        "",
        f"## One checkpoint of {N:,} samples, keep 0.3",
        "",
        "Ranking and writing the selection, losses given; seconds, mean ± std (n).",
        "",
        "| policy | select | write |",
        "|---|---|---|",
        *(f"| {policy} | {spread(s, 3)} | {spread(w, 3)} |" for policy, (s, w) in selecting.items()),
        "",
        f"`python benchmarks/overhead.py --data {name}`"
        + (f" --model {arguments.model}" if arguments.model != "lenet5" else ""),
    ]
    write(arguments.name, lines, {"runs": seconds, "checkpoints": selecting})


def _on_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def clock() -> float:
    """Seconds: of the processor, where there is no GPU to wait for."""
    return time.perf_counter() if _on_gpu() else time.process_time()


class Started(Progress):
    """Notes when training begins: the data is open and on the device by then."""

    at = 0.0

    @contextmanager
    def task(self, label: str, total: int, unit: str = ""):
        if label.startswith("train"):
            self.at = clock()
        yield


def runs(arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of `n` runs of every kind, in turn."""
    import torch

    import curate

    if not _on_gpu():
        torch.set_num_threads(1)
    data = curate.open_dataset(arguments.data)
    test = curate.open_dataset(arguments.data, curate.Options(split="test"))
    kinds = {"full": {}}
    kinds |= {
        f"{policy} {keep}": {"keep": keep} | ({} if policy == "random" else AS_PUBLISHED)
        for policy in POLICIES
        for keep in arguments.keeps
    }
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(-1, arguments.n):
        for kind, asked in kinds.items():
            if turn < 0 and kind != "full":
                continue  # one short run to warm up
            progress = Started()
            with tempfile.TemporaryDirectory() as folder:
                curate.train(
                    data,
                    arguments.model,
                    policy=kind.split()[0],
                    period=10 if turn >= 0 else 1,
                    hyperparameters={"n_epochs": 10 if turn >= 0 else 1},
                    evaluate_every=10,
                    test=test,
                    seed=max(0, turn),
                    output=Path(folder) / "run",
                    progress=progress,
                    **asked,
                )
                if turn >= 0:
                    seconds[kind].append(clock() - progress.at)
                    print(turn, kind, seconds[kind][-1], file=sys.stderr)
    return seconds


def checkpoints(n: int) -> dict[str, tuple[list[float], list[float]]]:
    """Seconds to select and to write, at the second checkpoint of a run on as many samples as ImageNet."""
    from curate import finder
    from curate.manifests.manifest import write_epoch
    from curate.rng import rng
    from curate.selection.policy import View

    chance = np.random.default_rng(0)
    available = np.arange(N)
    uids = chance.integers(0, 2**63, N).astype(np.uint64)
    losses = [chance.exponential(size=N).astype(np.float32) for _ in range(2)]
    result = {}
    for name in (*POLICIES, "uncertainty", "epsilon-greedy", "infobatch", "random-partition"):
        policy = finder.make("policies", name)
        select, store = [], []
        for turn in range(-1, n):  # one turn to warm up
            memory = {}
            for epoch in (0, 1):
                view = View(
                    epoch=epoch,
                    n_epochs=10,
                    available=available,
                    uids=uids,
                    k=int(0.3 * N),
                    rng=rng(0, "policy", epoch),
                    losses=lambda epoch=epoch: losses[epoch],
                    memory=memory,
                )
                started = time.perf_counter()
                plan = policy.plan(view)
                selected = time.perf_counter()
                memory = plan.memory
            with tempfile.TemporaryDirectory() as folder:
                begun = time.perf_counter()
                write_epoch(Path(folder) / "epoch.parquet", 1, plan.selected)
                store.append(time.perf_counter() - begun)
            select.append(selected - started)
            if turn < 0:
                select.clear()
                store.clear()
        result[name] = (select, store)
    return result


if __name__ == "__main__":
    main()

"""What the Pruner adds to a plain torch loop, and what a checkpoint over two processes takes.

    python benchmarks/pruner.py --data MNIST

Loops train LeNet-5 with batches of 64 for one epoch over as many samples, in turn, in one process with one
thread, in seconds of the processor. `plain` knows nothing of pruning; its samples are a draw made before.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from common import alternate, ratio, spread, write
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, TensorDataset

import curate
from curate.networks import learner as learners

N = 1_281_167  # training images of ImageNet
RANK = """
import sys, time
import numpy as np
import torch.distributed as dist
import curate

rank, n = int(sys.argv[1]), int(sys.argv[3])
dist.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2)
pruner = curate.Pruner(n, "ema", keep=0.3, epochs=20, warm_up=1, uids=np.arange(n), ranks=curate.ranks())
for epoch in range(4):
    dist.barrier()
    started = time.perf_counter()
    pruner.set_epoch(epoch)
    if rank == 0 and epoch:
        print(time.perf_counter() - started)
    order = pruner.order()
    pruner.observe(order, np.random.default_rng(rank).random(len(order), np.float32))
"""


class Numbered(Dataset):
    """Samples with their index, as every loop here gets them."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[int, torch.Tensor, torch.Tensor]:
        return index, self.images[index], self.labels[index]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--keep", type=float, default=0.3)
    parser.add_argument("-n", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = curate.open_dataset(arguments.data)
    ways = {
        "plain": plain,
        "random": lambda loop: pruned(loop, "random", keep=arguments.keep),
        "ema": lambda loop: pruned(loop, "ema", keep=arguments.keep, warm_up=1),
        "ucb, with a trace": lambda loop: pruned(loop, "ucb", keep=arguments.keep, warm_up=1, trace=True),
    }
    loop = Loop(data, arguments.keep)
    _, seconds = alternate({name: (lambda way=way: way(loop)) for name, way in ways.items()}, arguments.n)
    name = Path(arguments.data).name.upper()
    lines = [
        f"# What the Pruner adds: {name}, LeNet-5, batches of 64, one epoch, keep {arguments.keep}",
        "",
        f"The plain loop takes {spread(seconds['plain'], 2)} s of the processor.",
        "",
        "| loop | time / plain, mean ± std (n) |",
        "|---|---|",
        *(f"| {way} | {ratio(seconds[way], seconds['plain'])} |" for way in ways if way != "plain"),
        "",
        f"A checkpoint of {N:,} samples at keep 0.3 on two processes, gathering over gloo and selecting: "
        f"{spread(checkpoints(), 3)} s.",
        "",
        f"`python benchmarks/pruner.py --data {name}`",
    ]
    write("pruner", lines, {"runs": seconds})


class Loop:
    """LeNet-5 and its data, for a fresh run each time."""

    def __init__(self, data: curate.Dataset, keep: float) -> None:
        self.data, self.keep = data, keep
        learner = learners.build("lenet5", {}, data, 0, torch.device("cpu"))
        images = torch.from_numpy(data.images.read(np.arange(len(data)))).permute(0, 3, 1, 2)
        self.images = torch.cat([learner.normalized(learner.sized(part)) for part in images.split(1024)])
        self.labels = torch.from_numpy(data.labels)

    def fresh(self) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        module = learners.build("lenet5", {}, self.data, 0, torch.device("cpu")).module.train()
        return module, torch.optim.Adam(module.parameters(), 1e-3)


def plain(loop: Loop) -> float:
    """A loop that knows nothing of pruning, over as many samples."""
    order = np.random.default_rng(0).permutation(len(loop.data))[: round(loop.keep * len(loop.data))]
    loader = DataLoader(Numbered(loop.images, loop.labels), batch_size=64, sampler=order.tolist())
    module, optimizer = loop.fresh()
    started = time.process_time()
    for _, x, y in loader:
        optimizer.zero_grad()
        functional.cross_entropy(module(x), y, reduction="none").mean().backward()
        optimizer.step()
    return time.process_time() - started


def pruned(loop: Loop, policy: str, **asked: object) -> float:
    """The same with a Pruner, and the end of the epoch, where it takes down what it observed."""
    module, optimizer = loop.fresh()
    pruner = curate.Pruner(loop.data, policy, epochs=20, **asked)
    loader = DataLoader(
        pruner.wrap(TensorDataset(loop.images, loop.labels)), batch_size=64, sampler=pruner.sampler
    )
    started = time.process_time()
    pruner.set_epoch(0)
    for index, x, y in loader:
        logits = module(x)
        losses = functional.cross_entropy(logits, y, reduction="none")
        optimizer.zero_grad()
        pruner.observe(index, losses, logits).mean().backward()
        optimizer.step()
    pruner.set_epoch(1)
    return time.process_time() - started


def checkpoints() -> list[float]:
    """Seconds of the checkpoints of two processes."""
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "store")
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", RANK, str(rank), store, str(N)], stdout=subprocess.PIPE, text=True
            )
            for rank in range(2)
        ]
        said = [process.communicate()[0] for process in processes]
    return [float(line) for line in said[0].split()]


if __name__ == "__main__":
    main()

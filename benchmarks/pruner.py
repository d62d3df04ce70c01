"""What the Pruner adds to a plain torch loop, and what a checkpoint over two processes takes.

    python benchmarks/pruner.py --data MNIST [--infobatch FOLDER]

Loops train LeNet-5 with batches of 64, in turn, in one process with one thread, in seconds of the processor.
`plain` knows nothing of pruning; its samples are a draw made before, as many. Whole loops differ from run to
run by more than the Pruner adds, so all that is not the network is timed alone as well: the same loops with
losses that are known. FOLDER is a checkout of github.com/NUS-HPC-AI-Lab/InfoBatch.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import alternate, ratio, spread, write
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import curate
from curate.networks import learner as learners

N = 1_281_167  # training images of ImageNet
EPOCHS = 2  # beside InfoBatch: the first is of all samples
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


Way = Callable[["Loop"], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--keep", type=float, default=0.3)
    parser.add_argument("--infobatch", metavar="FOLDER", help="A checkout, to run its own class beside.")
    parser.add_argument("-n", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data, keep = curate.open_dataset(arguments.data), arguments.keep
    ways: dict[str, Way] = {
        "plain": lambda loop: plain(loop, keep),
        "random": lambda loop: pruned(loop, "random", keep=keep),
        "ema": lambda loop: pruned(loop, "ema", keep=keep, warm_up=1),
        "ucb, with a trace": lambda loop: pruned(loop, "ucb", keep=keep, warm_up=1, trace=True),
    }
    whole, alone = Loop(data, learns=True), Loop(data, learns=False)
    seconds = timed(ways, whole, alone, arguments.n)
    name = Path(arguments.data).name.upper()
    rival = ""
    lines = [
        f"# What the Pruner adds: {name}, LeNet-5, batches of 64, one epoch, keep {keep}",
        "",
        f"The plain loop takes {spread(seconds['plain'], 2)} s of the processor.",
        "",
        *table(seconds, "plain"),
        "",
        f"A checkpoint of {N:,} samples at keep 0.3 on two processes, gathering over gloo and selecting: "
        f"{spread(checkpoints(), 3)} s.",
        "",
    ]
    if arguments.infobatch:
        rival = " --infobatch FOLDER"
        theirs = Infobatch(Path(arguments.infobatch))
        ways = {
            "InfoBatch's own class": theirs.run,
            "the Pruner, infobatch": lambda loop: pruned(loop, "infobatch", n_epochs=EPOCHS),
        }
        beside = timed(ways, whole, alone, arguments.n)
        seconds |= {f"infobatch: {way}": each for way, each in beside.items()}
        seen = ", ".join(f"{way} {loop_seen:,}" for way, loop_seen in whole.seen.items())
        lines += [
            f"{EPOCHS} epochs that leave out half of what is learned well; samples seen: {seen}.",
            "",
            *table(beside, "InfoBatch's own class"),
            "",
        ]
    lines.append(f"`python benchmarks/pruner.py --data {name}{rival}`")
    write("pruner", lines, {"runs": seconds})


def timed(ways: Mapping[str, Way], whole: "Loop", alone: "Loop", n: int) -> dict[str, list[float]]:
    """Seconds of the processor of whole loops, and of all but the network under `NAME, alone`."""
    both = {name: (lambda way=way: way(whole)) for name, way in ways.items()}
    both |= {f"{name}, alone": (lambda way=way: way(alone)) for name, way in ways.items()}
    _, seconds = alternate(both, n)
    return seconds


def table(seconds: Mapping[str, list[float]], base: str) -> list[str]:
    """The loops against the first of them: as a whole, and by what is not the network."""
    lines = [
        f"| loop | time / {base}, mean ± std (n) | all but the network, s | more of that / time of {base} |",
        "|---|---|---|---|",
    ]
    for way in [name for name in seconds if not name.endswith(", alone")]:
        own, other = seconds[f"{way}, alone"], seconds[f"{base}, alone"]
        more = [(one - two) / three for one, two, three in zip(own, other, seconds[base], strict=True)]
        whole = ratio(seconds[way], seconds[base])
        lines.append(f"| {way} | {whole} | {spread(own, 3)} | {spread(more, 3)} |")
    return lines


class Loop:
    """LeNet-5 and its data, for a fresh run each time; or all of it but the network."""

    def __init__(self, data: curate.Dataset, learns: bool) -> None:
        self.data, self.learns = data, learns
        self.seen: dict[str, int] = {}
        learner = learners.build("lenet5", {}, data, 0, torch.device("cpu"))
        images = torch.from_numpy(data.images.read(np.arange(len(data)))).permute(0, 3, 1, 2)
        self.images = torch.cat([learner.normalized(learner.sized(part)) for part in images.split(1024)])
        self.labels = torch.from_numpy(data.labels)
        chance = torch.Generator().manual_seed(0)
        self._losses = torch.rand(len(data), generator=chance)
        self._logits = torch.rand(64, len(data.classes), generator=chance)

    def fresh(self) -> None:
        self.module = learners.build("lenet5", {}, self.data, 0, torch.device("cpu")).module.train()
        self.optimizer = torch.optim.Adam(self.module.parameters(), 1e-3)

    def losses(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss of each sample, and the logits."""
        if not self.learns:
            return self._losses[: len(y)].clone(), self._logits[: len(y)]
        logits = self.module(x)
        return functional.cross_entropy(logits, y, reduction="none"), logits

    def learn(self, loss: torch.Tensor) -> None:
        if self.learns:
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


def plain(loop: Loop, keep: float) -> float:
    """A loop that knows nothing of pruning."""
    order = np.random.default_rng(0).permutation(len(loop.data))[: round(keep * len(loop.data))]
    loader = DataLoader(TensorDataset(loop.images, loop.labels), batch_size=64, sampler=order.tolist())
    loop.fresh()
    started = time.process_time()
    for x, y in loader:
        losses, _ = loop.losses(x, y)
        loop.learn(losses.mean())
    return time.process_time() - started


def pruned(loop: Loop, policy: str, n_epochs: int = 1, **asked: object) -> float:
    """The same with a Pruner, and the end of the last epoch, where it takes down what it observed."""
    loop.fresh()
    pruner = curate.Pruner(loop.data, policy, epochs=20, **asked)
    dataset = pruner.wrap(TensorDataset(loop.images, loop.labels))
    loader = DataLoader(dataset, batch_size=64, sampler=pruner.sampler)
    seen, started = 0, time.process_time()
    for epoch in range(n_epochs):
        pruner.set_epoch(epoch)
        for index, x, y in loader:
            losses, logits = loop.losses(x, y)
            loop.learn(pruner.observe(index, losses, logits).mean())
            seen += len(index)
    pruner.set_epoch(n_epochs)
    spent = time.process_time() - started
    loop.seen["the Pruner"] = seen
    return spent


class Infobatch:
    """The class of InfoBatch's authors, from a checkout of theirs.

    It changes how every DataLoader of a process steps; here only while its own loop runs. With the torch of
    today its sampler never ends an epoch, since it begins anew whenever it is asked for an iterator, and a
    BatchSampler asks at every batch; here its order is handed on.
    """

    def __init__(self, folder: Path) -> None:
        from torch.utils.data.dataloader import _BaseDataLoaderIter

        before = _BaseDataLoaderIter.__next__
        sys.path.insert(0, str(folder))
        from infobatch import InfoBatch

        sys.path.pop(0)
        self._make, self._patched, self._iterator = (
            InfoBatch,
            _BaseDataLoaderIter.__next__,
            _BaseDataLoaderIter,
        )
        self._before = before
        _BaseDataLoaderIter.__next__ = before

    def run(self, loop: Loop) -> float:
        """As many epochs as the Pruner has beside it."""
        loop.fresh()
        dataset = self._make(TensorDataset(loop.images, loop.labels), 20, prune_ratio=0.5)
        self._iterator.__next__ = self._patched
        try:
            loader = DataLoader(dataset, batch_size=64, sampler=_Order(dataset.sampler))
            seen, started = 0, time.process_time()
            for _ in range(EPOCHS):
                for x, y in loader:
                    losses, _ = loop.losses(x, y)
                    seen += len(y)
                    loop.learn(dataset.update(losses))
            spent = time.process_time() - started
        finally:
            self._iterator.__next__ = self._before
        loop.seen["InfoBatch's own class"] = seen
        return spent


class _Order:
    """The order of an epoch of InfoBatch's sampler."""

    def __init__(self, sampler: Any) -> None:
        self._sampler = sampler

    def __len__(self) -> int:
        return len(self._sampler)

    def __iter__(self) -> Iterator[int]:
        iter(self._sampler)  # it prunes
        return iter(self._sampler.sample_indices)


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

"""(b) Training ResNet-18 on CIFAR-10: images a second, and what share of the card's own bf16 rate that is.

The rate of a device is that of square matrix products in bf16, measured beside every figure. An image costs
what torch counts for the convolutions and products of one forward and backward pass of it.

`engine` is the loop as `curate train` runs it: augmentation, order and book included. The others change
one thing each: `free` does without determinism, `graph` captures a whole step as a CUDA graph, `compiled`
puts `torch.compile` around the network, without determinism, and `compiled with graphs` has the compiler
capture it. On a CPU, where there are no graphs, the step is taken without being captured.
"""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import cache
from queue import Empty
from typing import Any

import numpy as np
from common import alternate, spread

from gpu_stages.day import Day, Result, Size, Stage, each

WAYS = ("engine", "free", "graph", "free graph")
COSTS = {
    "full": ("full", None, None),
    "random": ("random", 0.3, None),
    "ucb, evaluation passes": ("ucb", 0.3, "evaluation"),
    "ucb, losses of training": ("ucb", 0.3, "training"),
}


def cells(size: Size) -> list[str]:
    names = [f"{way}, batch {batch}" for batch in size.batches for way in WAYS]
    names += [f"{n} at once, batch {size.batches[0]}" for n in size.at_once]
    names += [f"profile, batch {size.batches[0]}", "cost at keep 0.3"]
    compiled = [
        f"{way}, batch {batch}" for batch in size.compiled for way in ("compiled", "compiled with graphs")
    ]
    return [*names, *compiled]


def measure(cell: str, day: Day) -> Result:
    what, _, batch = cell.partition(", batch ")
    if what == "profile":
        return _profile(day, int(batch))
    if what.startswith("cost"):
        return _cost(day)
    if what.endswith("at once"):
        speed = _at_once(day, int(what.split()[0]), int(batch))
    else:
        speed = _images_a_second(day, what, int(batch))
    rate, of_image = _device_rate(day), _flops_of_an_image(day.size.model, day.train)
    mean = float(np.mean(speed))
    return {
        "images_a_second": [round(each, 1) for each in speed],
        "device_tflops": round(rate / 1e12, 2),
        "gflop_an_image": round(of_image / 1e9, 3),
        "share": round(mean * of_image / rate, 4),
    }


@cache
def _data(reference: str, split: str) -> Any:
    import curate

    return curate.open_dataset(reference, curate.Options(split=split))


def _learner(day: Day) -> Any:
    import torch

    from curate.networks import learner as learners

    data = _data(day.train, "train")
    return learners.build(day.size.model, {}, data, 0, torch.device(day.device), precision="bf16")


def _hyperparameters(day: Day, batch: int, n_epochs: int) -> Any:
    from curate.verbs.hyperparameters import hyperparameters_for

    return hyperparameters_for(
        day.size.model,
        {"n_epochs": n_epochs, "batch_size": batch, "augment": "crop-flip", "optimizer": "sgd", "lr": 0.01},
    )


def _images_a_second(day: Day, way: str, batch: int) -> list[float]:
    """Of each epoch after the first, which is there to warm up."""
    import torch

    learner = _learner(day)
    if way.startswith("compiled"):
        mode = "reduce-overhead" if way.endswith("graphs") else None
        learner = replace(learner, module=torch.compile(learner.module, mode=mode))
    with _free() if way.startswith(("free", "compiled")) else nullcontext():
        run = _captured if way.endswith("graph") else _engine
        return list(run(day, learner, batch))[1:]


def _engine(day: Day, learner: Any, batch: int, barrier: Any = None) -> Iterator[float]:
    """Images a second of every epoch of `fit`."""
    from curate import finder
    from curate.training.batches import Batches
    from curate.training.loop import fit

    data = _data(day.train, "train")
    epochs = fit(
        learner,
        finder.make("policies", "full"),
        Batches(data, learner),
        available=np.arange(len(data)),
        hyperparameters=_hyperparameters(day, batch, day.size.timed_epochs),
        seed=0,
    )
    for epoch in epochs:
        yield len(data) / epoch.train_seconds
        if barrier and epoch.epoch == 0:
            barrier.wait(300)


@contextmanager
def _free() -> Iterator[None]:
    """Without determinism, and with cuDNN trying its kernels out."""
    import torch

    from curate.training import epoch as epochs

    kept, was = epochs.repeatable, torch.backends.cudnn.benchmark
    epochs.repeatable = lambda *_: nullcontext()
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        epochs.repeatable, torch.backends.cudnn.benchmark = kept, was


def _captured(day: Day, learner: Any, batch: int) -> Iterator[float]:
    """Images a second where a whole step is one CUDA graph: forward, losses, backward and optimizer."""
    import torch
    from torch.nn import functional

    from curate.training import epoch as epochs
    from curate.training.augmentations.crop_flip import CropFlip
    from curate.training.batches import Batches
    from curate.training.book import Book
    from curate.training.optimizer import optimizer_of

    data, device = _data(day.train, "train"), learner.device
    batches, book = Batches(data, learner), Book(len(data), learner.device)
    optimizer = optimizer_of(learner.module.parameters(), _hyperparameters(day, batch, 1))
    learner.module.train()
    height, width = learner.input_size
    shape = (batch, learner.n_channels, height, width)
    images = torch.zeros(shape, device=device).contiguous(memory_format=torch.channels_last)
    labels = torch.zeros(batch, dtype=torch.int64, device=device)

    def step() -> Any:
        logits = learner.logits(images)
        losses = functional.cross_entropy(logits, labels, reduction="none")
        optimizer.zero_grad(set_to_none=True)
        losses.mean().backward()
        optimizer.step()
        return logits.detach(), losses.detach()

    with epochs.repeatable(device, 0):
        if device.type == "cuda":
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(5):
                    step()
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                outcome = step()
        for epoch in range(day.size.timed_epochs):
            order = np.random.default_rng(epoch).permutation(len(data))[: len(data) // batch * batch]
            _wait(day.device)
            started = time.perf_counter()
            for cut in batches.augmented(order, batch, CropFlip(), 0, epoch):
                images.copy_(cut.images)
                labels.copy_(cut.labels)
                if device.type == "cuda":
                    graph.replay()
                    logits, losses = (part.clone() for part in outcome)
                else:
                    logits, losses = step()
                book.note(cut.rows, logits, losses, cut.labels)
            book.losses()
            yield len(order) / (time.perf_counter() - started)


def _at_once(day: Day, n: int, batch: int) -> list[float]:
    """Images a second of so many processes together, each with a run of its own."""
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(n), context.Queue()
    plain = replace(day, known=())
    processes = [
        context.Process(target=_one_of_several, args=(plain, batch, barrier, queue)) for _ in range(n)
    ]
    for process in processes:
        process.start()
    parts: list[list[float]] = []
    try:
        while len(parts) < n:
            if any(process.exitcode for process in processes) or day.left() < 0:
                raise RuntimeError(f"one of {n} runs at once ended early, or time was up")
            with suppress(Empty):
                parts.append(queue.get(timeout=1))
    finally:
        for process in processes:
            process.join(10 if len(parts) == n else 0)
            process.kill()
    return [sum(speeds) for speeds in zip(*parts, strict=True)]


def _one_of_several(day: Day, batch: int, barrier: Any, queue: Any) -> None:
    import torch

    torch.set_num_threads(max(1, torch.get_num_threads() // barrier.parties))
    queue.put(list(_engine(day, _learner(day), batch, barrier))[1:])


def _cost(day: Day) -> Result:
    """Seconds of whole runs in turn, with their passes over the losses; as multiples of full."""
    from curate import finder
    from curate.selection.session import Asked, plan_session
    from curate.training.batches import Batches
    from curate.training.loop import fit

    data = _data(day.train, "train")
    batches = Batches(data, _learner(day))
    n_epochs, period = day.size.cost

    def run(name: str, keep: float | None, observe: Any) -> None:
        policy = finder.make("policies", name)
        asked = Asked(
            keep=keep, period=period if keep else None, observe=observe, warm_up="0" if observe else None
        )
        session, _ = plan_session(policy, name, len(data), n_epochs, asked)
        for _ in fit(
            _learner(day),
            policy,
            batches,
            available=np.arange(len(data)),
            hyperparameters=_hyperparameters(day, day.size.batches[0], n_epochs),
            seed=0,
            session=session,
        ):
            pass

    seconds, _ = alternate({name: lambda how=how: run(*how) for name, how in COSTS.items()}, 2)
    return {"seconds": {name: [round(value, 3) for value in values] for name, values in seconds.items()}}


def _profile(day: Day, batch: int) -> Result:
    """Where the time of ten steps goes: the operations of most time on the device, and how busy it is."""
    from torch.profiler import ProfilerActivity, profile

    from curate.progress import LOGGED
    from curate.training.augmentations.crop_flip import CropFlip
    from curate.training.batches import Batches
    from curate.training.book import Book
    from curate.training.epoch import train_epoch
    from curate.training.loop import _Model
    from curate.training.schedule import schedule
    from curate.world import ALONE

    data, learner = _data(day.train, "train"), _learner(day)
    batches, order = Batches(data, learner), np.arange(len(data))[: 10 * batch]
    hyperparameters = _hyperparameters(day, batch, 1)
    model, book = _Model(learner, hyperparameters, ALONE), Book(len(data), learner.device)
    learner.module.train()

    def steps() -> None:
        train_epoch(
            model,
            batches.augmented(order, batch, CropFlip(), 0, 0),
            n_batches=10,
            epoch=0,
            hyperparameters=hyperparameters,
            schedule=schedule("constant"),
            book=book,
            seed=0,
            progress=LOGGED,
        )

    steps()
    _wait(day.device)
    on_gpu = day.device == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    started = time.perf_counter()
    with profile(activities=activities) as profiler:
        steps()
        _wait(day.device)
    wall = time.perf_counter() - started

    def own(event: Any) -> float:
        return event.self_device_time_total if on_gpu else event.self_cpu_time_total

    events = [event for event in profiler.key_averages() if own(event) > 0]
    if on_gpu:  # kernels alone: operations of the host name the same time again
        events = [event for event in events if "cuda" in str(event.device_type).lower()]
    total = sum(own(event) for event in events)
    most = sorted(events, key=own, reverse=True)[:25]
    return {
        "ms_a_step": round(100 * wall, 3),
        "busy": round(total / 1e6 / wall, 3),
        "launches_a_step": round(sum(event.count for event in events) / 10, 1),
        "most": [
            {"name": event.key[:90], "calls": event.count, "share": round(own(event) / total, 4)}
            for event in most
        ],
    }


@cache
def _flops_of_an_image(model: str, reference: str) -> float:
    """Floating-point operations of a forward and a backward pass; a multiplication and addition are two."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from curate.networks import learner as learners

    learner = learners.build(model, {}, _data(reference, "train"), 0, torch.device("cpu"))
    height, width = learner.input_size
    images = torch.randn(2, learner.n_channels, height, width)
    with FlopCounterMode(display=False) as counter:
        learner.logits(images).sum().backward()
    return counter.get_total_flops() / 2


def _device_rate(day: Day) -> float:
    """Operations a second of bf16 matrix products: the mean of ten after three to warm up."""
    import torch

    n = day.size.matrix
    one, other = (torch.randn(n, n, device=day.device).to(torch.bfloat16) for _ in range(2))
    for _ in range(3):
        one @ other
    _wait(day.device)
    started = time.perf_counter()
    for _ in range(10):
        one @ other
    _wait(day.device)
    return 10 * 2 * n**3 / (time.perf_counter() - started)


def _wait(device: str) -> None:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def page(results: list[Result]) -> list[str]:
    lines: list[str] = []
    for card in dict.fromkeys(result["card"] for result in results):
        of_card = [result for result in results if result["card"] == card]
        speeds = [result for result in of_card if "images_a_second" in result]
        lines += [
            f"### {card}",
            "",
            "| | images a second, mean ± std (n) | share of the bf16 rate beside it | that rate, TFLOP/s |",
            "|---|---|---|---|",
            *(
                f"| {result['cell']} | {spread(result['images_a_second'], 0)} | {result['share']:.1%} | "
                f"{result['device_tflops']:.0f} |"
                for result in speeds
            ),
            "",
        ]
        for result in of_card:
            if "seconds" in result:
                full = result["seconds"]["full"]
                lines += ["Whole runs at keep 0.3 as multiples of full, passes over losses included:", ""]
                lines += ["| | seconds, mean ± std (n) | of full |", "|---|---|---|"]
                for name, values in result["seconds"].items():
                    ratios = [one / other for one, other in zip(values, full, strict=True)]
                    lines.append(f"| {name} | {spread(values)} | {spread(ratios, 3)} |")
                lines.append("")
            if "most" in result:
                lines += [
                    f"{result['cell']}: {result['ms_a_step']} ms a step under the profiler, the device busy "
                    f"{result['busy']:.0%} of it, {result['launches_a_step']:.0f} launches a step.",
                    "",
                    "| kernel | calls in ten steps | share |",
                    "|---|---|---|",
                    *(
                        f"| `{one['name']}` | {one['calls']} | {one['share']:.1%} |"
                        for one in result["most"][:12]
                    ),
                    "",
                ]
    return lines


STAGE = Stage("throughput", "Throughput of training", 7, True, cells, each(measure, 45), page)

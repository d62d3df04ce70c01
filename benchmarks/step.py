"""What makes a LeNet-5 training step faster on a CPU: layer order, layout, optimizer, compilation, threads.

    python benchmarks/step.py

Batch 64, 32x32, Adam, 200 steps a run. "Side by side" are two processes of one thread each; its time is
that of a step of either, so two steps pass in it.
"""

import multiprocessing
import time

from common import spread, write

STEPS = 200


def run(way: str) -> float:
    """Milliseconds a step."""
    import torch
    from torch import nn
    from torch.nn import functional

    torch.manual_seed(0)
    torch.set_num_threads(1 if "one thread" in way or "side by side" in way else 2)
    middle = [nn.ReLU(), nn.MaxPool2d(2)] if way == "textbook" else [nn.MaxPool2d(2), nn.ReLU()]
    network = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.BatchNorm2d(6), *middle, nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), *middle,
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    images, labels = torch.randn(6400, 1, 32, 32), torch.randint(0, 10, (6400,))
    if way == "channels last":
        network = network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    fused = way not in ("textbook", "pool before relu")
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=fused)
    forward = torch.compile(network) if way == "compiled" else network

    def step(number: int) -> None:
        rows = slice(64 * (number % 100), 64 * (number % 100) + 64)
        loss = functional.cross_entropy(forward(images[rows]), labels[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    for number in range(20):
        step(number)
    started = time.perf_counter()
    for number in range(STEPS):
        step(number)
    return 1000 * (time.perf_counter() - started) / STEPS


WAYS = (
    "textbook",
    "pool before relu",
    "fused adam",
    "channels last",
    "compiled",
    "one thread",
    "two side by side",
)


def main() -> None:
    context = multiprocessing.get_context("spawn")
    result: dict[str, list[float]] = {way: [] for way in WAYS}
    with context.Pool(2) as pool:
        for _ in range(5):
            for way in WAYS:
                copies = 2 if way == "two side by side" else 1
                results = pool.map(run, [way] * copies, chunksize=1)
                result[way].append(sum(results) / len(results))
    base = result["textbook"]

    def gain(way: str) -> str:
        copies = 2 if way == "two side by side" else 1
        return spread([copies * before / now for before, now in zip(base, result[way], strict=True)])

    lines = [
        "# One LeNet-5 training step on a CPU",
        "",
        "Each line adds to the one before, up to `fused adam`; the later ones add to `fused adam` alone.",
        "",
        "| | ms a step, mean ± std (n) | throughput against textbook |",
        "|---|---|---|",
        *(f"| {way} | {spread(values)} | {gain(way)} |" for way, values in result.items()),
        "",
        "`python benchmarks/step.py`; compiling costs its time once per process, before the first step.",
    ]
    write("step", lines, result)


if __name__ == "__main__":
    main()

"""(e) Scores of several models: trained side by side, as one batched computation, against one by one."""

import time
from functools import partial

from common import ratio, spread

from gpu_stages.day import Day, Result, Size, Stage, each

N_TURNS = 3


def cells(size: Size) -> list[str]:
    return list(size.small_models)


def measure(cell: str, day: Day) -> Result:
    import numpy as np
    import torch

    import curate
    from curate.networks import learner as learners
    from curate.networks.precision import precision_for
    from curate.training.batches import Batches
    from curate.training.ensemble import fit_all
    from curate.verbs.hyperparameters import hyperparameters_for

    channels = 1 if cell == "lenet5" else None
    data = curate.open_dataset(day.train, curate.Options(split="train", channels=channels))
    data = data.take(np.arange(int(day.size.share * len(data))))
    device, short = torch.device(day.device), hyperparameters_for(cell, {"n_epochs": 1})
    precision = precision_for("auto", cell, device)
    n_models = day.size.n_models
    build = partial(learners.build, cell, {}, data, device=device, precision=precision)
    batches = Batches(data, build(seed=0))
    seconds: dict[str, list[float]] = {"side by side": [], "one by one": []}
    for turn in range(N_TURNS + 1):
        for way, of_way in seconds.items():
            models = [build(seed=seed) for seed in range(n_models)]
            started = time.perf_counter()
            for _ in fit_all(
                models,
                batches,
                hyperparameters=short,
                seeds=range(n_models),
                n_epochs=1,
                side_by_side=way == "side by side",
                trace=True,
            ):
                pass
            if turn:  # the first is there to warm up
                of_way.append(round(time.perf_counter() - started, 3))
    return {"n_models": n_models, "seconds": seconds}


def page(results: list[Result]) -> list[str]:
    lines = [
        "| model | card | models | one by one, s | side by side, s | of one by one |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        together, alone = result["seconds"]["side by side"], result["seconds"]["one by one"]
        lines.append(
            f"| {result['cell']} | {result['card']} | {result['n_models']} | {spread(alone)} "
            f"| {spread(together)} | {ratio(together, alone)} |"
        )
    return [*lines, "", "An epoch of each, with a trace, mean ± std (n).", ""]


STAGE = Stage("side-by-side", "Models that score, side by side", 3, True, cells, each(measure, 90), page)

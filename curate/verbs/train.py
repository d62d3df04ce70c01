"""train: train a model under a policy; leaves weights, metrics and the manifest of what was trained on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from curate import finder
from curate import learner as learners
from curate.artifact import check_output, make_header
from curate.dataset import Dataset, Options, open_dataset
from curate.errors import CurateError
from curate.manifest import Manifest, write_manifest
from curate.network import Recipe
from curate.policy import Policy
from curate.progress import SILENT, Progress
from curate.records import NoSplitError
from curate.training.batches import Batches
from curate.training.evaluate import Evaluation, evaluate
from curate.training.loop import Epoch, check_recipe, fit
from curate.verbs.naming import output_path, stem

WEIGHTS, METRICS = "model.safetensors", "metrics.parquet"
_EVALUATIONS = 20


@dataclass(frozen=True)
class TrainingResult:
    """The manifest folder that `train` wrote, its last test result and what it cost."""

    manifest: Manifest
    epochs: list[Epoch]
    test: Evaluation | None
    select_seconds: float
    train_seconds: float


def train(
    dataset: str | Dataset,
    model: str = "basic-cnn",
    *,
    policy: str = "full",
    options: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    opening: Options = Options(),
    test: str | Dataset | None = None,
    evaluate_every: int = 0,
    seed: int = 0,
    device: str | None = None,
    output: str | Path | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> TrainingResult:
    """Train `model` on a dataset under a policy and write weights, metrics and manifest to a folder.

    `options` are the model's and the policy's own; `recipe` overrides fields of the model's Recipe.
    The test set is the test split of the dataset, or `test`; it is looked at about 20 times along the
    run (`evaluate_every` epochs), and after the last epoch. The same call gives the same bytes on the
    same machine.
    """
    model_options, policy_options = split_options(model, policy, options or {})
    plan: Policy = finder.make("policies", policy, policy_options)
    chosen = recipe_for(model, recipe)
    reference = dataset.reference if isinstance(dataset, Dataset) else dataset
    check_recipe(chosen)
    path = output_path(output, f"{stem(reference)}-{model}-{policy}")
    check_output(path, force)
    if evaluate_every < 0:
        raise CurateError(f"evaluate-every={evaluate_every} is too small: use 1 or more epochs")
    place = learners.choose_device(device)
    data = open_dataset(dataset, opening, progress)
    data.need_labels("training")
    test_data = open_test(data, test, opening, progress)
    learner = learners.build(model, model_options, data, seed, place)
    batches = Batches(data, learner)
    test_batches = Batches(test_data, learner) if test_data else None
    every = evaluate_every or max(1, chosen.n_epochs // _EVALUATIONS)

    epochs: list[Epoch] = []
    tests: dict[int, Evaluation] = {}
    with progress.task(f"train {model}", chosen.n_epochs * len(data), "samples"):
        for epoch in fit(learner, plan, batches, np.arange(len(data)), chosen, seed, progress):
            epochs.append(epoch)
            last = epoch.epoch == chosen.n_epochs - 1
            if test_batches and (last or (epoch.epoch + 1) % every == 0):
                tests[epoch.epoch] = evaluate(learner, test_batches, len(data.classes))
            progress.advance(0, epoch=epoch.epoch + 1, loss=epoch.loss, **_live(tests))

    def extras(folder: Path) -> None:
        learners.save(learner, folder / WEIGHTS)
        _write_metrics(folder / METRICS, epochs, tests)

    final = tests.get(chosen.n_epochs - 1)
    header = make_header(
        "manifest",
        "train",
        {
            "model": model,
            "model_options": model_options,
            "policy": policy,
            "policy_options": policy_options,
            "recipe": asdict(chosen),
            "test": test.reference if isinstance(test, Dataset) else test,
        },
        seed=seed,
        dataset=data.header(),
        summary={
            "policy": policy,
            "samples_seen": epochs[-1].samples_seen,
            "train_loss": epochs[-1].loss,
            "test_accuracy": final.accuracy if final else None,
            "test_worst_class": final.worst_class if final else None,
        },
        device=learners.device_name(place),
        n_threads=torch.get_num_threads(),
    )
    samples = {"index": np.arange(len(data)), "uid": data.uids, "label": data.need_labels("training")}
    selection = [epoch.selected for epoch in epochs]
    if all(later.selected is epochs[0].selected for later in epochs):
        selection = selection[:1]
    manifest = write_manifest(path, header, selection, samples, force=force, extras=extras)
    return TrainingResult(
        manifest,
        epochs,
        final,
        sum(epoch.select_seconds for epoch in epochs),
        sum(epoch.train_seconds for epoch in epochs),
    )


def open_test(
    data: Dataset, test: str | Dataset | None, opening: Options, progress: Progress
) -> Dataset | None:
    """The test set that belongs to a dataset: the one named, else its test split, else None."""
    same_shape = replace(opening, split="test", channels=data.images.shape[2])
    if test is not None:
        return _comparable(data, open_dataset(test, same_shape, progress, hold_out=False))
    if data.options.split == "test":
        raise CurateError(
            f"{data.reference} is a test split and cannot be its own test: name one with --test"
        )
    if data.options.split == "all":
        progress.note("split=all leaves no test set: training without one; name one with --test")
        return None
    try:
        return _comparable(data, open_dataset(data.reference, same_shape))
    except NoSplitError as problem:
        progress.note(f"{problem}; training without a test")
        return None


def _comparable(data: Dataset, test: Dataset) -> Dataset:
    """The test set with its labels numbered as in training; other classes or image sizes are an error."""
    labels = test.need_labels("testing")
    if test.images.shape[:2] != data.images.shape[:2]:
        sizes = ["{1} x {0}".format(*dataset.images.shape) for dataset in (test, data)]
        raise CurateError(
            f"the test images of {test.reference} are {sizes[0]} pixels, those of {data.reference} {sizes[1]}"
            ": bring all to one size with --image-size"
        )
    unknown = [name for name in test.classes if name not in data.classes]
    if unknown:
        raise CurateError(
            f"the test set {test.reference} has a class '{unknown[0]}' that {data.reference} has not "
            f"({', '.join(data.classes[:5])}, ...): name another with --test"
        )
    if test.classes == data.classes:
        return test
    number = np.array([data.classes.index(name) for name in test.classes])
    return replace(test, labels=number[labels], classes=data.classes)


def recipe_for(model: str, overrides: Mapping[str, Any] | None) -> Recipe:
    """A model's recipe with what the user set otherwise; None keeps the model's own."""
    own: Recipe = finder.load("models", model).recipe
    return replace(own, **{key: value for key, value in (overrides or {}).items() if value is not None})


def split_options(
    model: str, policy: str, options: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Which of the options set belong to the model and which to the policy, told by their names."""
    of_model = finder.option_names(finder.load("models", model))
    of_policy = finder.option_names(finder.load("policies", policy))
    known = [*of_policy, *of_model]
    for name in options:
        if name.replace("-", "_") not in known:
            raise CurateError(
                f"neither model {model} nor policy {policy} has an option '{name}': "
                f"{finder.nearest(name, known)}"
            )
    to_policy = {name: value for name, value in options.items() if name.replace("-", "_") in of_policy}
    return {name: value for name, value in options.items() if name not in to_policy}, to_policy


def _live(tests: Mapping[int, Evaluation]) -> dict[str, float]:
    return {"test": list(tests.values())[-1].accuracy} if tests else {}


def _write_metrics(path: Path, epochs: list[Epoch], tests: Mapping[int, Evaluation]) -> None:
    """One row per epoch; null where the test set was not looked at."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = [tests.get(epoch.epoch) for epoch in epochs]
    table = pa.table(
        {
            "epoch": [epoch.epoch for epoch in epochs],
            "n_selected": [len(epoch.selected.indices) for epoch in epochs],
            "samples_seen": [epoch.samples_seen for epoch in epochs],
            "lr": [epoch.lr for epoch in epochs],
            "train_loss": [epoch.loss for epoch in epochs],
            "train_accuracy": [epoch.accuracy for epoch in epochs],
            "test_accuracy": pa.array([test.accuracy if test else None for test in found], pa.float64()),
            "test_worst_class": pa.array(
                [test.worst_class if test else None for test in found], pa.float64()
            ),
            "test_loss": pa.array([test.loss if test else None for test in found], pa.float64()),
        }
    )
    pq.write_table(table, path)

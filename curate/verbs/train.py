"""train: train a model under a policy; leaves weights, metrics and the manifest of what was trained on.

Here is what a run is, and all that can be checked before torch is needed; train_session.py trains.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate import finder, outside, world
from curate.artifacts.files import check_output_folder
from curate.artifacts.header import Header
from curate.artifacts.results import Outcome, check_results
from curate.artifacts.saved_model import about_weights
from curate.artifacts.standing import check_free
from curate.data.dataset import Dataset, Options, check_reference, open_dataset, opening_for, reference_of
from curate.data.own import as_given
from curate.errors import CurateError
from curate.manifests.manifest import Manifest
from curate.networks.model import DEFAULT_MODEL
from curate.progress import LOGGED, Progress
from curate.selection.budget import ask_about, check_keep, in_shares
from curate.selection.policy import Policy
from curate.selection.precomputed import check_earlier, parents_of
from curate.selection.session import Asked, check_combination
from curate.sharing.cache import is_remote
from curate.sharing.opening import open_any
from curate.training.hyperparameters import check_hyperparameters
from curate.verbs.hyperparameters import hyperparameters_for, with_epochs
from curate.verbs.naming import (
    amount_and_more,
    keep_in_words,
    model_in_words,
    name_of,
    output_path,
    share_out,
    stem,
)

if TYPE_CHECKING:
    from curate.networks.weights import Weights
    from curate.training.outcome import Record

_KEEP = "0.5"  # where a policy is named alone, as in select
_EARLIER = ("manifest", "scores")


@dataclass(frozen=True)
class TrainingResult:
    """The manifest folder that `train` wrote, what happened in each epoch, and what it cost.

    `outcome` is its row of results, where those were asked for. A run that was found there, finished, has no
    seconds in its epochs.
    """

    manifest: Manifest
    epochs: "list[Record]"
    outcome: Outcome | None = None

    @property
    def select_seconds(self) -> float:
        """Seconds spent on selecting, passes over the losses included."""
        return sum(record.select_seconds for record in self.epochs)

    @property
    def train_seconds(self) -> float:
        """Seconds spent on training."""
        return sum(record.train_seconds for record in self.epochs)


@dataclass(frozen=True)
class Wanted:
    """A run as it was asked for, checked as far as can be without its data; see `train`."""

    model: str | None
    model_options: Mapping[str, Any]
    hyperparameters: Mapping[str, Any]
    weights: "Weights | None"
    policy: str
    plan: Policy
    policy_options: Mapping[str, Any]
    parents: Mapping[str, Header]
    asked: Asked
    trace: bool
    test: str | Dataset | None
    evaluate_every: int
    seed: int
    device: str | None
    path: Path
    results: Path | None
    force: bool
    fresh: bool


def train(
    dataset: str | Dataset,
    model: Any = None,
    *,
    policy: Any = None,
    keep: str | float | int | None = None,
    period: int | None = None,
    budget: str = "epochs",
    observe: str | None = None,
    adapt: float | None = None,
    trust: float | None = None,
    warm_up: str | float | int | None = None,
    class_floor: float | None = None,
    trace: bool = False,
    from_: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    opening: Options = Options(),
    test: str | Dataset | None = None,
    evaluate_every: int = 0,
    weights: str | Path | None = None,
    seed: int = 0,
    device: str | None = None,
    output: str | Path | None = None,
    results: str | Path | None = None,
    force: bool = False,
    fresh: bool = False,
    progress: Progress = LOGGED,
) -> TrainingResult:
    """Train `model` on a dataset under a policy and write weights, metrics and manifest to a folder.

    A model is a name, `net.py:Net`, `torchvision:resnet50` or `timm:NAME`, or a class or function that makes
    an nn.Module, called with those of `n_channels` and `n_classes` that it takes, or an nn.Module, of which
    every run has a copy. By default it is basic-cnn, for images of more than 48 pixels resnet10, and a batch
    is as large as the model's own where that has room. A policy is a name, `file.py:Name`, a class or an
    instance; by default it is full, and random where `keep` is given. A policy named alone keeps a half.

    Every `period` epochs the policy selects `keep` of the samples (a fraction, a count, or two of them,
    `0.2:0.6`, for the first and the last checkpoint). A `budget` of `samples` stretches the run until as
    many samples are seen as full training would. `observe` says whose losses a policy looks at:
    `training`, those seen anyway, or `evaluation`, a pass over all samples; ema, epsilon-greedy and ucb go
    by the first unless they start as published. With `adapt` it only selects
    again when the rank correlation of the losses falls below that; with `trust`, all but that fraction,
    those of lowest AUM, are kept from it. The first `warm_up` of the run (epochs, or a share of it) draws its
    samples, since the losses of an untrained network say little but the class: a tenth by default, for
    policies that rank by losses, and 0 for the algorithm as published. A draw keeps within the budget, or
    takes everything: `0.1:full`. No class gets less than `class_floor` of its fair part at any checkpoint.
    With `trace`, what training sees of each sample is written,
    epoch by epoch, to trace.parquet, from which `score` makes scores.

    `from_` is the earlier artifact that a policy builds on: the manifest of recorded and always-random (a
    folder, or `hf:owner/name@v1`), the scores of the static ones. `options` are the model's and the policy's;
    `hyperparameters` override the model's own, as `epochs` does by itself. The test set is the test split of
    the dataset, or `test`; it is looked at about 20 times along the run (`evaluate_every` epochs), and after
    the last epoch. `weights` is what the network starts from, a file or the folder of an earlier run, whose
    model is then the default; it is drawn otherwise. The same
    call gives the same bytes on the same machine, also where it was killed and called again: what is
    unfinished lies beside the output, and `fresh` drops it. With `results`, the run is also a row in that
    file, and a run that is there already, its folder standing, is not made again.
    """
    dataset = as_given(dataset, opening, progress)
    if model is None and weights is not None:
        model, options = model_of_weights(weights, options, progress)
    named = None if model is None else outside.hand_in("models", model)
    hyperparameters = with_epochs(hyperparameters, epochs)
    policy, keep = settled_policy(policy, keep, progress)
    model = named or DEFAULT_MODEL  # both defaults have the same options
    model_options, policy_options = share_out(options or {}, [("models", model), ("policies", policy)])
    if from_ is not None:
        policy_options |= _earlier_option(policy, from_)
    plan: Policy = finder.make("policies", policy, _fetched(policy_options, progress))
    asked = Asked(
        keep=None if keep is None else in_shares(keep),
        period=period,
        budget=budget,
        observe=observe,
        adapt=adapt,
        trust=trust,
        warm_up=None if warm_up is None else str(warm_up),
        class_floor=class_floor,
    )
    parents = parents_of(finder.settings(plan))
    opening, named = _as_before(parents, dataset, opening, named, progress)
    check_combination(plan, policy, asked)
    if finder.settings(plan).get("scores") == "":
        raise CurateError(
            f"policy {outside.called(policy)} needs scores: use --from TABLE.parquet, which `curate score "
            f"{reference_of(dataset)}` makes"
        )
    if finder.settings(plan).get("manifest") == "":
        raise CurateError(f"policy {outside.called(policy)} needs a manifest: use --from FOLDER")
    check_keep(keep)
    check_hyperparameters(hyperparameters_for(model, hyperparameters))
    reference = reference_of(dataset)
    beside = asked_beside({**vars(asked), "trace": trace, "from_": from_, "weights": weights}, options)
    name = default_name(reference, named, policy, keep, opening, hyperparameters, beside, seed)
    path = output_path(output, name)
    kept = None if results is None else Path(results)
    _check_outputs(path, kept, force, evaluate_every)
    if device is not None:
        check_device(device)
    if isinstance(test, str):
        check_reference(test)
    wanted = Wanted(
        model=named,
        model_options=model_options,
        hyperparameters=hyperparameters or {},
        weights=None if weights is None else weights_at(weights),
        policy=policy,
        plan=plan,
        policy_options=finder.settings(plan) | _on_the_hub(policy_options),
        parents=parents,
        asked=asked,
        trace=trace,
        test=test,
        evaluate_every=evaluate_every,
        seed=seed,
        device=device,
        path=path,
        results=kept,
        force=force,
        fresh=fresh,
    )
    data = world.first_alone(lambda: _to_learn_from(dataset, keep, opening, progress))
    check_earlier(finder.settings(plan), data.uids)

    with progress.task("start", 1):
        from curate.verbs.train_session import train_session  # torch, from here on

    return train_session(wanted, data, opening, progress)


def settled_policy(
    policy: Any, keep: str | float | int | None, progress: Progress
) -> tuple[str, str | float | int | None]:
    """The policy that was named, else full; where something is to be kept, a draw. And what it keeps."""
    if policy is None:
        policy = "full" if keep is None else "random"
    name = outside.hand_in("policies", policy)
    if keep is None and finder.load("policies", name).sizing != "own":
        keep = _KEEP
        progress.note(f"policy {outside.called(name)} keeps {keep} of the samples; --keep says otherwise")
    return name, keep


def check_device(name: str) -> None:
    """Refuse a device that is not there, before any work; of a name that is none, before torch is there."""
    if not re.fullmatch(r"auto|cpu|mps|xpu|(cuda|cpu)(:\d+)?", name):
        raise CurateError(f"device={name} is unknown: use cpu, cuda or cuda:1")
    from curate.networks.learner import choose_device

    choose_device(name)


def weights_at(path: str | Path) -> "Weights":
    """Weights to start from, looked at before the data."""
    from curate.networks.weights import open_weights

    return open_weights(path)


def _as_before(
    parents: Mapping[str, Header],
    dataset: str | Dataset,
    opening: Options,
    named: str | None,
    progress: Progress,
) -> tuple[Options, str | None]:
    """How images are opened, and which model trains: as before, where a policy builds on this dataset."""
    for header in parents.values():
        if isinstance(dataset, Dataset) or header.dataset.reference != dataset:
            continue
        before = opening_for(header.dataset, opening)
        model = header.options.get("model")
        follows = named is None and isinstance(model, str) and finder.is_ours("models", model)
        if follows or (before.image_size, before.channels) != (opening.image_size, opening.channels):
            size = f", images of {before.image_size} pixels" if before.image_size else ""
            progress.note(f"as what it builds on: {model if follows else 'the images'}{size}")
        return before, model if follows else named
    return opening, named


def model_of_weights(
    weights: str | Path, options: Mapping[str, Any] | None, progress: Progress
) -> tuple[str | None, Mapping[str, Any] | None]:
    """The model that weights of a `curate train` are of, with its options, where that is one of curate's."""
    about = about_weights(Path(weights))
    if about is None or not finder.is_ours("models", about["model"]):
        return None, options
    progress.note(f"model {about['model']}, that of the weights {weights}")
    return about["model"], {**about["options"], **(options or {})}


def _to_learn_from(
    dataset: str | Dataset, keep: str | float | int | None, opening: Options, progress: Progress
) -> Dataset:
    """The dataset, with classes to tell apart; a keep that may be a slip is asked about."""
    data = open_dataset(dataset, opening, progress)
    data.need_classes()
    if keep is not None:
        ask_about(keep, len(data), len(data.classes), progress)
    return data


def _check_outputs(path: Path, results: Path | None, force: bool, evaluate_every: int) -> None:
    """Refuse, before any work, what cannot be written; a run with results may be there, finished."""
    if results is None:
        check_free(path, force, "train")
        check_output_folder(path, True)
    else:
        check_results(results)
    if evaluate_every < 0:
        raise CurateError(f"evaluate-every={evaluate_every} is too small: use 1 or more epochs")


def asked_beside(given: Mapping[str, Any], options: Mapping[str, Any] | None) -> dict[str, Any]:
    """What of the options of `train` tells a run from others, beside what its name always has."""
    names = [*(field for field in Asked.__dataclass_fields__ if field != "keep"), "trace", "from_", "weights"]
    told = {name.strip("_").replace("_", "-"): given.get(name) for name in names}
    return {**told, "budget": None if told["budget"] == "epochs" else told["budget"], **(options or {})}


def default_name(
    reference: str,
    model: str | None,
    policy: str,
    keep: str | float | int | None,
    opening: Options,
    hyperparameters: Mapping[str, Any] | None,
    beside: Mapping[str, Any],
    seed: int = 0,
) -> str:
    """Where a run is written when the user does not say; `beside` is what else was asked, of the session."""
    parts = [
        model_in_words(model) if model else "",
        stem(policy),
        "" if keep is None else keep_in_words(keep),
    ]
    parts += [*amount_and_more(hyperparameters, beside)]
    return name_of(reference, *parts, opening=opening, seed=seed)


def _earlier_option(policy: str, source: str | Path) -> dict[str, str]:
    """`--from` as the option of the policy that it stands for."""
    for name in finder.option_names(finder.load("policies", policy)):
        if name in _EARLIER:
            return {name: str(source)}
    raise CurateError(f"policy {policy} builds on nothing earlier: leave out --from")


def _on_the_hub(options: Mapping[str, Any]) -> dict[str, str]:
    """Those options of a policy that name a manifest on the Hub."""
    return {name: value for name, value in options.items() if name == "manifest" and is_remote(value)}


def _fetched(options: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """The options of a policy, with a manifest on the Hub as the folder in which it was put."""
    remote = _on_the_hub(options)
    return {**options, **{name: str(open_any(value, progress).path) for name, value in remote.items()}}

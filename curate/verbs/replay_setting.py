"""What a replay takes from its manifest: model, hyperparameters, seeds; and in what it differs from it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from curate import finder, outside
from curate.data.dataset import Dataset
from curate.data.followed import check_followed, is_followed, known_place
from curate.errors import CurateError
from curate.manifests.manifest import Manifest
from curate.networks.model import Hyperparameters
from curate.training.hyperparameters import check_hyperparameters

if TYPE_CHECKING:
    from curate.networks.weights import Weights


def overrides_in_replay(
    own: Mapping[str, Any], given: Mapping[str, Any] | None, manifest: Manifest, freeze: str
) -> dict[str, Any]:
    """What a replay sets of its model's hyperparameters; a dynamic manifest gives the number of epochs."""
    if freeze not in ("", "last"):
        raise CurateError(f"freeze={freeze} is unknown: use last, the selection of the last epoch")
    if freeze and manifest.is_static:
        raise CurateError(f"{manifest.path} is static, there is nothing to freeze: leave out --freeze")
    n_epochs = {} if manifest.is_static else {"n_epochs": manifest.n_epochs}
    return {**n_epochs, **own, **{key: value for key, value in (given or {}).items() if value is not None}}


def check_in_replay(chosen: Hyperparameters, manifest: Manifest, freeze: str) -> None:
    """Refuse hyperparameters that cannot train, and more epochs than a dynamic manifest records."""
    check_hyperparameters(chosen)
    if not (manifest.is_static or freeze) and chosen.n_epochs > manifest.n_epochs:
        raise CurateError(
            f"{manifest.path} records {manifest.n_epochs} epochs, this run has {chosen.n_epochs}: "
            f"use --epochs {manifest.n_epochs} or fewer, or --freeze last"
        )


def model_for(manifest: Manifest, recorded: str | None, given: Any) -> str | None:
    """The model to train: the one given, else that of the manifest, where its name may be followed.

    None where there is none.
    """
    if given is not None:
        return outside.hand_in("models", given)
    if recorded is not None and not finder.is_ours("models", recorded):
        raise CurateError(
            f"{manifest.path} was trained with '{recorded}', which is not of curate, and a name in a "
            "manifest is not followed: name the model yourself with --model"
        )
    return recorded


def seeds_behind(manifest: Manifest) -> set[int]:
    """The seeds of the training runs behind a manifest; scores have streams of their own."""
    steps = manifest.header.steps if manifest.header.command == "pruner" else manifest.header.lineage
    return {step.seed for step in steps if step.command in ("train", "pruner")}


def first_seed_for(manifest: Manifest) -> int:
    """That of the session itself, which is followed to the same weights; else one that shares nothing."""
    if manifest.header.command == "train":
        return manifest.header.seed
    return max(seeds_behind(manifest), default=-1) + 1


def differences(manifest: Manifest, model: str, source: Dataset, weights: "Weights | None") -> list[str]:
    """How a replay differs from what the manifest was made with, where that is known."""
    texts = []
    behind = {str(step.options["model"]) for step in manifest.header.steps if "model" in step.options}
    if behind and model not in behind:
        texts.append(f"model {model}, selected by {' and '.join(sorted(behind))}")
    if (started := _started(manifest)) is not None and started != (weights.digest if weights else ""):
        texts.append("weights that it starts from")
    for name, text in (("image_size", "image size"), ("channels", "channels")):
        before, now = getattr(manifest.header.dataset, name), getattr(source.options, name)
        if before != now:
            texts.append(f"{text} {now or 'as in the data'}, selected at {before or 'as in the data'}")
    return texts


def _started(manifest: Manifest) -> str | None:
    """The weights that the training behind a manifest began with, empty if drawn; None without training."""
    steps = [step for step in manifest.header.steps if "model" in step.options]
    return str(steps[-1].options.get("start", {}).get("digest", "")) if steps else None


def recorded_hyperparameters(manifest: Manifest) -> dict[str, Any]:
    """How the model of a session was trained; before there was a choice, bf16 was for GPUs."""
    formerly = {"precision": "fp32" if manifest.header.device == "cpu" else "auto"}
    recipe = manifest.header.options["recipe"]
    return {**formerly, **recipe, "schedule": followed(recipe.get("schedule", "cosine"), "schedule")}


def recorded_in_words(manifest: Manifest) -> str:
    """What somebody else's manifest will have trained, before it is."""
    header, dataset = manifest.header, manifest.header.dataset
    kept = header.summary["n_selected_per_epoch"]
    told = [f"{kept:,.0f} of {manifest.n:,} samples of {dataset.reference[:100]!r} in each epoch"]
    told += [f"images of {dataset.image_size} pixels"] if dataset.image_size else []
    recipe = header.options.get("recipe", {}) if _is_trained(manifest) else {}
    if recipe:
        told += [f"{header.options['model']} for {recipe.get('n_epochs')} epochs, as it was trained"]
    return f"{manifest.path.name}: {', '.join(told)}"


def recorded_test(manifest: Manifest) -> str | None:
    """The test set of the run that a manifest is of, where one was named, and may be opened."""
    named = followed(manifest.header.options.get("test"), "test") if _is_trained(manifest) else None
    if named is None or is_followed(named, ""):
        return named
    place = known_place(str(manifest.header.options.get("test_fingerprint", "")))
    if place is None:
        check_followed(named, "", manifest.path, "--test")
    return place


def _is_trained(manifest: Manifest) -> bool:
    return manifest.header.command == "train"


def followed(name: Any, option: str) -> Any:
    """A name that was read in a manifest; one of code in a file is not followed."""
    if name is not None and outside.in_file(str(name)) is not None:
        raise CurateError(
            f"the manifest names {str(name)[:80]!r}, and code that a manifest names is not followed: name it "
            f"yourself with --{option}"
        )
    return name

"""The model and the hyperparameters of a run: by default those for images of their size, and its own."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from curate import finder
from curate.data.dataset import Dataset
from curate.errors import CurateError
from curate.networks.model import Hyperparameters, default_model


def hyperparameters_for(model: str, overrides: Mapping[str, Any] | None) -> Hyperparameters:
    """A model's hyperparameters with what the user set otherwise; None keeps the model's own."""
    return with_overrides(finder.load("models", model).hyperparameters, overrides)


def with_overrides(own: Hyperparameters, overrides: Mapping[str, Any] | None) -> Hyperparameters:
    """Hyperparameters with what is set otherwise; None changes nothing, an unknown name is refused."""
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    if "epochs" in given:  # as the option is called
        given["n_epochs"] = given.pop("epochs")
    known = [field.name for field in fields(Hyperparameters)]
    for name in given:
        if name not in known:
            raise CurateError(f"there is no hyperparameter '{name}': {finder.nearest(name, known)}")
    return replace(own, **given)


def with_epochs(given: Mapping[str, Any] | None, epochs: int | None) -> dict[str, Any]:
    """Hyperparameters with the number of epochs, where that was said by itself."""
    return {**(given or {}), **({} if epochs is None else {"n_epochs": epochs})}


def model_for(named: str | None, data: Dataset) -> str:
    """The model that was named, else the default for images of this size."""
    height, width, _ = data.images.shape
    return named or default_model(height, width)

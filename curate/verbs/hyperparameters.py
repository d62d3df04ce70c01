"""The hyperparameters of a run: a model's own, with what the user set otherwise, on a device."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import torch

from curate import finder
from curate.errors import CurateError
from curate.networks.model import Hyperparameters
from curate.networks.precision import precision_for


def hyperparameters_for(model: str, overrides: Mapping[str, Any] | None) -> Hyperparameters:
    """A model's hyperparameters with what the user set otherwise; None keeps the model's own."""
    return with_overrides(finder.load("models", model).hyperparameters, overrides)


def with_overrides(own: Hyperparameters, overrides: Mapping[str, Any] | None) -> Hyperparameters:
    """Hyperparameters with what is set otherwise; None changes nothing, an unknown name is refused."""
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    known = [field.name for field in fields(Hyperparameters)]
    for name in given:
        if name not in known:
            raise CurateError(f"there is no hyperparameter '{name}': {finder.nearest(name, known)}")
    return replace(own, **given)


def on_device(hyperparameters: Hyperparameters, model: str, device: torch.device) -> Hyperparameters:
    """The hyperparameters with the precision that this model has on this device, where they leave it open."""
    return replace(hyperparameters, precision=precision_for(hyperparameters.precision, model, device))

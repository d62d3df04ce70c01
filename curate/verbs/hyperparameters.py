"""The hyperparameters of a run: a model's own, with what the user set otherwise, on a device."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from curate import finder
from curate.networks.model import Hyperparameters
from curate.networks.precision import precision_for


def hyperparameters_for(model: str, overrides: Mapping[str, Any] | None) -> Hyperparameters:
    """A model's hyperparameters with what the user set otherwise; None keeps the model's own."""
    own: Hyperparameters = finder.load("models", model).hyperparameters
    return replace(own, **{key: value for key, value in (overrides or {}).items() if value is not None})


def on_device(hyperparameters: Hyperparameters, model: str, device: torch.device) -> Hyperparameters:
    """The hyperparameters with the precision that this model has on this device, where they leave it open."""
    return replace(hyperparameters, precision=precision_for(hyperparameters.precision, model, device))

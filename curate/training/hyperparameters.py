"""The limits of hyperparameters, as far as they can be known without a network."""

from curate import finder
from curate.errors import CurateError
from curate.networks.model import Hyperparameters, check_precision
from curate.training.schedule import schedule


def check_hyperparameters(hyperparameters: Hyperparameters) -> None:
    """Refuse settings that cannot train, before any work."""
    for name in ("n_epochs", "batch_size", "lr", "momentum", "weight_decay"):
        value = getattr(hyperparameters, name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise CurateError(f"{name}={value!r} is not a number")
    limits = {
        "epochs": (hyperparameters.n_epochs, hyperparameters.n_epochs >= 1, "1 or more"),
        "batch-size": (hyperparameters.batch_size, hyperparameters.batch_size >= 1, "1 or more"),
        "lr": (hyperparameters.lr, hyperparameters.lr > 0, "more than 0"),
        "momentum": (hyperparameters.momentum, 0 <= hyperparameters.momentum < 1, "0 to below 1"),
        "weight-decay": (hyperparameters.weight_decay, hyperparameters.weight_decay >= 0, "0 or more"),
        "optimizer": (hyperparameters.optimizer, hyperparameters.optimizer in ("sgd", "adam"), "sgd or adam"),
    }
    for name, (value, fits, remedy) in limits.items():
        if not fits:
            raise CurateError(f"{name}={value} is out of range: use {remedy}")
    check_precision(hyperparameters.precision)
    schedule(hyperparameters.schedule)
    augmentation_name(hyperparameters.augment, n_channels=1)


def augmentation_name(name: str, n_channels: int) -> str:
    """The augmentation meant by `name`; `auto` crops and flips colour images and leaves grey ones."""
    known = finder.names("augmentations")
    if name not in ("auto", *known):
        raise CurateError(f"augment={name} is unknown: use one of auto, {', '.join(known)}")
    if name != "auto":
        return name
    return "crop-flip" if n_channels == 3 else "none"

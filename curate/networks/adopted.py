"""Networks that are no model plug-ins, as models: classes and functions of the user, torchvision and timm.

A class or function is called with those of `n_channels` and `n_classes` that it takes; its other parameters
are its options. A module that is made already is copied for every run.
"""

import copy
import dataclasses
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from torch import nn
from torch.nn.parameter import is_lazy

from curate.errors import CurateError
from curate.finder import LIBRARIES, nearest
from curate.networks.model import Hyperparameters
from curate.networks.weights import sha256_of

_GIVEN = ("n_channels", "n_classes")


@dataclasses.dataclass(frozen=True)
class Adopted:
    """What adopted models share; each is a subclass, whose fields are the parameters of its network."""

    hyperparameters: ClassVar[Hyperparameters] = Hyperparameters()
    gains_by_bf16: ClassVar[bool] = False
    is_adopted: ClassVar[bool] = True
    called: ClassVar[str] = ""
    makes: ClassVar[Callable[..., Any]]
    takes: ClassVar[tuple[str, ...]] = ()

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Images stay as they are."""
        return height, width

    def build(self, n_channels: int, n_classes: int) -> nn.Module:
        """A fresh network."""
        given = {"n_channels": n_channels, "n_classes": n_classes}
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        makes = type(self).makes
        module = makes(**{name: given[name] for name in self.takes}, **own)
        if not isinstance(module, nn.Module):
            raise CurateError(
                f"{self.called} makes no network but a {type(module).__name__}: return an nn.Module"
            )
        return module


def adopt(thing: Any, name: str) -> type[Any]:
    """The model plug-in for a class, a function, or the name of a library's model; a plug-in stays itself."""
    if thing is None:
        return _of_library(name)
    if isinstance(thing, type) and dataclasses.is_dataclass(thing) and hasattr(thing, "build"):
        return thing
    if isinstance(thing, nn.Module):
        return _of_module(thing, name)
    if not callable(thing):
        raise CurateError(
            f"{name} is of type {type(thing).__name__}: name an nn.Module, a class of one, or a function "
            "that makes one"
        )
    return _plug_in(thing, name, _parameters(thing, name))


def _of_module(module: nn.Module, name: str) -> type[Any]:
    """Copies of a module: every run begins with its weights, and it stays as it is."""
    if any(map(is_lazy, module.parameters())):
        raise CurateError(f"{name} does not know its sizes yet: call it on images once, or name its class")
    its_own = sha256_of(module.state_dict())[:16]

    def makes(digest: str = its_own) -> nn.Module:
        if digest != its_own:
            raise CurateError(f"{name} has other weights than that run began with: hand it in as it was")
        return copy.deepcopy(module)

    return _plug_in(makes, name, inspect.signature(makes).parameters)


def _parameters(thing: Callable[..., Any], name: str) -> Mapping[str, inspect.Parameter]:
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = {
        key: parameter
        for key, parameter in inspect.signature(thing).parameters.items()
        if parameter.kind in plain
    }
    lacking = [
        key
        for key, parameter in parameters.items()
        if key not in _GIVEN and parameter.default is inspect.Parameter.empty
    ]
    if lacking:
        raise CurateError(
            f"{name} wants {', '.join(lacking)}, which nobody gives: give it a default; n_channels and "
            "n_classes are given to those who take them"
        )
    return parameters


def _plug_in(thing: Callable[..., Any], name: str, parameters: Mapping[str, inspect.Parameter]) -> type[Any]:
    fields: list[Any] = [
        (key, _type_of(parameter), dataclasses.field(default=parameter.default))
        for key, parameter in parameters.items()
        if key not in _GIVEN
    ]
    own = getattr(thing, "hyperparameters", None)
    shared = {
        "called": name,
        "makes": staticmethod(thing),
        "takes": tuple(key for key in _GIVEN if key in parameters),
        "hyperparameters": own if isinstance(own, Hyperparameters) else Adopted.hyperparameters,
    }
    return dataclasses.make_dataclass(
        name.rpartition(":")[2] or name, fields, bases=(Adopted,), namespace=shared, frozen=True
    )


def _type_of(parameter: inspect.Parameter) -> Any:
    """The type that an option is read as: as annotated where that is plain, else that of its default."""
    if parameter.annotation in (int, float, str, bool):
        return parameter.annotation
    default = parameter.default
    return type(default) if type(default) in (int, float, str, bool) else Any


def _of_library(name: str) -> type[Any]:
    library, _, model = name.partition(":")
    assert library in LIBRARIES, "the finder lets no other pass"
    return {"torchvision": _of_torchvision, "timm": _of_timm}[library](model, name)


def _of_torchvision(model: str, name: str) -> type[Any]:
    from torchvision import models

    known = models.list_models(models)
    if model not in known:
        raise CurateError(f"torchvision has no model '{model}': {nearest(model, known)}")

    def makes(n_channels: int, n_classes: int) -> nn.Module:
        return _first_layer_for(
            models.get_model(model, weights=None, num_classes=n_classes), n_channels, name
        )

    return _plug_in(makes, name, inspect.signature(makes).parameters)


def _of_timm(model: str, name: str) -> type[Any]:
    try:
        timm = importlib.import_module("timm")
    except ImportError:
        raise CurateError(f"{name} needs timm: pip install timm") from None
    if not timm.is_model(model.partition(".")[0]):
        raise CurateError(f"timm has no model '{model}': {nearest(model, timm.list_models())}")

    def makes(n_channels: int, n_classes: int) -> nn.Module:
        made: nn.Module = timm.create_model(
            model, pretrained=False, in_chans=n_channels, num_classes=n_classes
        )
        return made

    return _plug_in(makes, name, inspect.signature(makes).parameters)


def _first_layer_for(network: nn.Module, n_channels: int, name: str) -> nn.Module:
    """The network with a first convolution that takes so many channels, initialised as torch does."""
    for path, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d):
            if layer.in_channels == n_channels:
                return network
            where, _, last = path.rpartition(".")
            fresh = nn.Conv2d(
                n_channels,
                layer.out_channels,
                layer.kernel_size,  # type: ignore[arg-type]
                layer.stride,  # type: ignore[arg-type]
                layer.padding,  # type: ignore[arg-type]
                layer.dilation,  # type: ignore[arg-type]
                bias=layer.bias is not None,
            )
            setattr(network.get_submodule(where), last, fresh)
            return network
    raise CurateError(f"{name} has no convolution to take {n_channels} channels: use another model")

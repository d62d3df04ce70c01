"""grand: the length of a sample's own gradient, of models early in training. High is hard.

‖∇ cross-entropy‖₂ of one sample over all parameters, in evaluation mode, so that no other sample and no size
of a batch has a part in it; the mean over models. The paper takes it at initialisation; that did not
reproduce (Kirsch 2023, arXiv 2303.14753), so the default is an early epoch. Source: Paul et al. 2021.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from curate.errors import CurateError

if TYPE_CHECKING:
    from torch import Tensor

    from curate.networks.learner import Learner

_MOST_NUMBERS = 2**26  # gradients held at once: 256 MiB


@dataclass(frozen=True)
class Grand:
    """`layers`: `all` parameters, or the `last` layer's only, which costs no more than a look."""

    layers: Literal["all", "last"] = "all"

    hard_is = "high"
    reads = ("network",)
    over_models = "mean"
    n_models = 10  # Paul et al. 2021 score by ten models after 20 of 200 epochs
    schedule_share = 0.1

    def unlearned(self, n_presentations: int) -> None:
        return None

    def of_batch(self, learner: "Learner", images: "Tensor", labels: "Tensor") -> "Tensor":
        return (
            _of_last_layer(learner, images, labels)
            if self.layers == "last"
            else _of_all(learner, images, labels)
        )


def _of_all(learner: "Learner", images: "Tensor", labels: "Tensor") -> "Tensor":
    import torch
    from torch.func import functional_call, grad, vmap
    from torch.nn import functional

    module = learner.module
    parameters = {name: value.detach() for name, value in module.named_parameters()}
    buffers = dict(module.named_buffers())

    def loss(parameters: "dict[str, Tensor]", image: "Tensor", label: "Tensor") -> "Tensor":
        logits: Any = functional_call(module, (parameters, buffers), (image[None],))
        return functional.cross_entropy(logits.float(), label[None])

    def norm(image: "Tensor", label: "Tensor") -> "Tensor":
        gradients = grad(loss)(parameters, image, label)
        return torch.stack([part.square().sum() for part in gradients.values()]).sum().sqrt()

    size = sum(value.numel() for value in parameters.values())
    norms: Tensor = vmap(norm, chunk_size=max(1, _MOST_NUMBERS // size))(images, labels)
    return norms


def _of_last_layer(learner: "Learner", images: "Tensor", labels: "Tensor") -> "Tensor":
    """For softmax over a linear layer with input h the gradient is (p − y) hᵀ, and p − y for the bias."""
    from torch import nn

    from curate.scores.signals import error_norms

    linear = [part for part in learner.module.modules() if isinstance(part, nn.Linear)]
    if not linear:
        raise CurateError(f"model {learner.model} has no linear layer: use layers=all")
    inputs: list[Tensor] = []
    hook = linear[-1].register_forward_hook(lambda _, given, __: inputs.append(given[0].detach().float()))
    try:
        errors = error_norms(learner.logits(images), labels)
    finally:
        hook.remove()
    squared = inputs[0].square().sum(1) + (0 if linear[-1].bias is None else 1)
    return errors * squared.sqrt()

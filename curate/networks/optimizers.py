"""Optimizers of torch without what they do for its compiler, which they would import.

That takes longer than the training of a small model. A step is the same to the bit.
"""

import inspect
from typing import Any

import torch


def _plain(kind: type[torch.optim.Optimizer]) -> Any:
    """A kind of optimizer whose methods are those that the compiler's decorators lie around."""
    names = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in names}
    return type(kind.__name__, (kind,), {**methods, "step": torch.no_grad()(inspect.unwrap(kind.step))})


Adam, Sgd = _plain(torch.optim.Adam), _plain(torch.optim.SGD)

"""build, fit and evaluate: the engine of `train`, for programs that are more than a command.

    learner = curate.build("lenet5", data, seed=0)
    for epoch in curate.fit(learner, data, policy="ucb", keep=0.3, seed=0):
        print(epoch.epoch, epoch.loss, curate.evaluate(learner, test).accuracy)

The same samples, seed and options end in the weights of `curate train`. Nothing is written: whoever runs it
keeps what he wants. A loop that is not curate's takes its samples from a `Pruner`, and its tensors, if it
likes, from `Batches`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from curate import finder, outside
from curate.data.dataset import Dataset
from curate.errors import CurateError
from curate.networks import learner as learners
from curate.networks.learner import Learner
from curate.networks.precision import precision_for
from curate.networks.weights import open_weights
from curate.progress import LOGGED, Progress
from curate.selection.budget import in_shares
from curate.selection.policy import Policy
from curate.selection.session import Asked, plan_session
from curate.training import evaluate as testing
from curate.training.batches import Batches
from curate.training.evaluate import Evaluation
from curate.training.hyperparameters import check_hyperparameters
from curate.training.loop import Epoch
from curate.training.loop import fit as fit_epochs
from curate.verbs.hyperparameters import with_overrides
from curate.verbs.testing import numbered_as


def build(
    model: Any,
    data: Dataset,
    *,
    options: Mapping[str, Any] | None = None,
    weights: str | Path | None = None,
    seed: int = 0,
    device: str | None = None,
    precision: str = "auto",
) -> Learner:
    """A network for a dataset, on its device, with how images are prepared for it; `module` is the nn.Module.

    Model, weights and options are those of `curate.train`; the same seed gives the same weights.
    """
    name = outside.hand_in("models", model)
    place = learners.choose_device(device)
    data.need_classes()
    return learners.build(
        name,
        options or {},
        data,
        seed,
        place,
        precision=precision_for(precision, name, place),
        weights=None if weights is None else open_weights(weights),
    )


def fit(
    learner: Learner,
    data: Dataset,
    policy: Any = "full",
    *,
    keep: str | float | int | None = None,
    period: int | None = None,
    budget: str = "epochs",
    observe: str | None = None,
    adapt: float | None = None,
    trust: float | None = None,
    warm_up: str | float | int | None = None,
    class_floor: float | None = None,
    trace: bool = False,
    options: Mapping[str, Any] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    resume: Mapping[str, Any] | None = None,
    progress: Progress = LOGGED,
) -> Iterator[Epoch]:
    """Train a network under a policy, an epoch at each step of the iterator; see `curate.train`.

    `options` are the policy's; `hyperparameters` override the model's own. Between two epochs the network is
    the caller's to test. `resume` is the `state()` of an epoch of the same run, which goes on after it to
    the same bits.
    """
    policy = outside.hand_in("policies", policy)
    plan: Policy = finder.make("policies", policy, options or {})
    chosen = with_overrides(learner.hyperparameters, hyperparameters)
    check_hyperparameters(chosen)
    data.need_classes()
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
    session, n_epochs = plan_session(plan, policy, len(data), chosen.n_epochs, asked)
    return fit_epochs(
        learner,
        plan,
        Batches(data, learner, chosen.augment),
        available=data.present,
        hyperparameters=replace(chosen, n_epochs=n_epochs),
        seed=seed,
        session=replace(session, trace=trace),
        resume=resume,
        progress=progress,
    )


def evaluate(learner: Learner, data: Dataset, *, augment: str = "") -> Evaluation:
    """Accuracy, accuracy per class and loss of a network on all of a dataset, in evaluation mode.

    Classes are matched by name. `augment` is what the network trained with, where that was not its model's
    own: one that trained on parts of photographs is tested on the part in the middle.
    """
    if len(data.present) < len(data):
        raise CurateError(f"{data.reference} lacks samples, and a test looks at all: take(present) of it")
    test = numbered_as(data, learner.classes, "the network")
    return testing.evaluate(learner, Batches(test, learner, augment), len(learner.classes))

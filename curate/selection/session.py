"""A session: how often a policy is asked during a run, how much it may keep, and what it gets to see."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from curate.errors import CurateError
from curate.finder import nearest
from curate.selection.budget import check_share, count_to_keep
from curate.selection.policy import Observing, Policy
from curate.selection.warm_up import plan_warm_up, starts_as_published
from curate.statistics import exactly, part_of

RUN_LENGTHS = ("epochs", "samples")


def default_period(n_epochs: int) -> int:
    """Epochs between two checkpoints where nobody says otherwise: a twentieth of the run."""
    return max(1, n_epochs // 20)


@dataclass(frozen=True)
class Session:
    """`first_k` to `last_k` samples are kept, linearly between the first and the last checkpoint.

    A checkpoint is due every `period_epochs`. With `adapt`, the policy is only asked where the rank
    correlation of the losses with those of the last selection has fallen below it, and the selection stands
    as it is otherwise, whatever k would be by now. With `trust`, the samples least likely to be labelled
    rightly are kept from the policy: all but that fraction. Checkpoints before `warm_up_epochs` draw
    k samples (`warm_up_k`, where that is not None) and do not ask the policy. No class falls below
    `class_floor` of its fair part at any checkpoint. `n_presentations` is what the run may spend, for
    policies that count. With `trace`, what training sees of each sample is kept, epoch by epoch.
    """

    first_k: int = 0
    last_k: int = 0
    period_epochs: int = 1
    observes: Observing = "nothing"
    adapt: float | None = None
    trust: float | None = None
    n_presentations: int = 0
    trace: bool = False
    warm_up_epochs: int = 0
    warm_up_k: int | None = None
    class_floor: float = 0.0

    def k(self, epoch: int, n_epochs: int) -> int:
        """How many samples to keep at the checkpoint of an epoch."""
        if self.warm_up_k is not None and self.is_warming_up(epoch):
            return self.warm_up_k
        last = (n_epochs - 1) // self.period_epochs * self.period_epochs
        progress = epoch / last if last else 0.0
        return int(self.first_k + (self.last_k - self.first_k) * progress + 0.5)

    def total(self, n_epochs: int) -> int:
        """Presentations of the whole run, where every checkpoint selects."""
        every = self.period_epochs
        starts = range(0, n_epochs, every)
        return sum(self.k(start, n_epochs) * min(every, n_epochs - start) for start in starts)

    def n_trusted(self, n: int) -> int:
        """How many of `n` samples the guard leaves to the policy."""
        return n if self.trust is None else n - part_of(1 - exactly(self.trust), n)

    def is_due(self, epoch: int) -> bool:
        """Whether an epoch begins with a checkpoint."""
        return epoch % self.period_epochs == 0

    def is_warming_up(self, epoch: int) -> bool:
        """Whether the checkpoint of an epoch draws its samples, and asks nobody."""
        return epoch < self.warm_up_epochs


@dataclass(frozen=True)
class Asked:
    """What a user says of a session; None where nothing is said. See `curate.train`."""

    keep: str | float | int | None = None
    period: int | None = None
    budget: str = "epochs"
    observe: str | None = None
    adapt: float | None = None
    trust: float | None = None
    warm_up: str | None = None
    class_floor: float | None = None


def plan_session(policy: Policy, name: str, n: int, n_epochs: int, asked: Asked) -> tuple[Session, int]:
    """The session that a user asked for on `n` samples, and how many epochs it has.

    A budget of `epochs` is `n_epochs` over the kept part; of `samples`, as many epochs as give the
    presentations of `n_epochs` over all samples, to the nearest whole epoch.
    """
    keep, period, adapt, trust = asked.keep, asked.period, asked.adapt, asked.trust
    check_combination(policy, name, asked)
    first, last = _keep_range(keep, n) if keep is not None else (n, n)
    observes = _observing(policy, name, asked)
    if keep is not None and max(first, last) > Session(trust=trust).n_trusted(n):
        raise CurateError(f"keep={keep} is more than --trust {trust} leaves: keep less, or trust more")

    def session_of(epochs: int) -> Session:
        every = period or (None if policy.sizing == "early" else policy.period) or default_period(epochs)
        warm_up_epochs, draws_all = plan_warm_up(policy, name, asked.warm_up, epochs, every)
        planned = Session(
            first_k=first,
            last_k=last,
            period_epochs=every,
            observes=observes,
            adapt=adapt,
            trust=trust,
            warm_up_epochs=warm_up_epochs,
            warm_up_k=n if draws_all else None,
            class_floor=asked.class_floor or 0.0,
        )
        return replace(planned, n_presentations=planned.total(epochs))

    if asked.budget == "samples":
        n_epochs = _stretched(n * n_epochs, session_of)
    if period is not None and not 1 <= period <= n_epochs:
        raise CurateError(
            f"period={period} is out of range: use 1 to {n_epochs}, the number of epochs of the run"
        )
    session = session_of(n_epochs)
    last_checkpoint = (n_epochs - 1) // session.period_epochs * session.period_epochs
    if session.warm_up_epochs > last_checkpoint:
        raise CurateError(
            f"warm-up={asked.warm_up} leaves no checkpoint to the policy: use {last_checkpoint} at most"
        )
    if policy.sizing == "early":
        return replace(session, period_epochs=1), -(-session.n_presentations // n)
    return session, n_epochs


def check_combination(policy: Policy, name: str, asked: Asked) -> None:
    """Refuse what a policy cannot do, or would do without a word."""
    if asked.budget not in RUN_LENGTHS:
        raise CurateError(f"there is no budget '{asked.budget}': {nearest(asked.budget, RUN_LENGTHS)}")
    if policy.sizing == "own" and asked.keep is not None:
        raise CurateError(
            f"policy {name} decides itself how many samples to keep: leave out --keep, or name another with "
            "--policy, such as random"
        )
    if policy.sizing != "own" and asked.keep is None:
        raise CurateError(f"policy {name} needs to know how many samples to keep: use --keep 0.3")
    if policy.sizing == "own" and asked.budget == "samples":
        raise CurateError(f"policy {name} has no fixed budget to stretch: leave out --budget samples")
    if policy.sizing == "own" and policy.period and asked.period not in (None, policy.period):
        when = "in every epoch" if policy.period == 1 else f"every {policy.period} epochs"
        raise CurateError(f"policy {name} selects {when}: leave out --period")
    if asked.class_floor is not None:
        check_share(asked.class_floor)
        if policy.sizing != "keep":
            raise CurateError(f"policy {name} decides itself what it trains on: leave out --class-floor")
    follows = policy.sizing != "keep" and policy.period is not None  # a plan of its own, epoch by epoch
    if follows and asked.adapt is not None:
        raise CurateError(f"policy {name} has to be asked in every epoch: leave out --adapt")
    if follows and policy.observes == "nothing" and asked.trust is not None:
        raise CurateError(f"policy {name} leaves nothing to a guard: leave out --trust")


def _stretched(wanted: int, session_of: Callable[[int], Session]) -> int:
    """The number of epochs whose presentations come nearest to those wanted."""
    one = session_of(1)
    about = max(1, round(wanted / ((one.first_k + one.last_k) / 2)))
    least = 1 if one.warm_up_k is not None else about * 3 // 4  # epochs that take everything cost more
    candidates = range(max(1, least), about * 5 // 4 + 2)  # a last period cut short shifts the mean
    return min(candidates, key=lambda epochs: abs(session_of(epochs).n_presentations - wanted))


def _keep_range(keep: str | float | int, n: int) -> tuple[int, int]:
    """`0.3`, `15000` or `0.2:0.6` as counts at the first and the last checkpoint."""
    first, colon, last = str(keep).partition(":")
    return count_to_keep(first, n), count_to_keep(last if colon else first, n)


def _observing(policy: Policy, name: str, asked: Asked) -> Observing:
    """Whose losses the run looks at; nobody pays for what nobody asks."""
    observe, adapt, trust = asked.observe, asked.adapt, asked.trust
    for option, value in (("adapt", adapt), ("trust", trust)):
        if value is not None and not 0 < value < 1:
            raise CurateError(f"{option}={value} is out of range: use 0 < {option} < 1")
    if observe not in (None, "evaluation", "training"):
        raise CurateError(f"there is no way to observe '{observe}': use evaluation or training")
    wanted = policy.observes != "nothing" or adapt is not None or trust is not None
    if not wanted:
        if observe is not None:
            raise CurateError(f"policy {name} never looks at a loss: leave out --observe")
        return "nothing"
    if observe is not None:
        return observe  # type: ignore[return-value]  # one of the two, checked above
    if policy.observes == "nothing" or starts_as_published(policy, name, asked.warm_up):
        return "evaluation"
    return policy.observes

"""How a session begins: random draws, until the losses of the network say more than the class of a sample.

An untrained network's loss is a function of the class. Ranked by it, the first selection takes whole
classes, and classes take turns afterwards. The algorithm of Raju et al. 2021 as published is a warm-up of 0.
Losses come from evaluation passes then: the first decision needs some before anything is trained on.
"""

from fractions import Fraction

from curate.errors import CurateError
from curate.selection.policy import Policy
from curate.statistics import part_of

WARM_UP = Fraction(1, 10)  # of the run, where nobody says otherwise: recipes/results/earlier/starts_mnist.md
DRAWS = ("random", "full")


def warms_up(policy: Policy) -> bool:
    """Whether a policy ranks by losses, of which those of an untrained network say little."""
    return policy.observes != "nothing" and policy.sizing == "keep"


def starts_as_published(policy: Policy, name: str, asked: str | None) -> bool:
    """Whether a warm-up of nothing was asked for: before the first decision nothing was trained on."""
    return warms_up(policy) and asked is not None and plan_warm_up(policy, name, asked, 1, 1)[0] == 0


def plan_warm_up(
    policy: Policy, name: str, asked: str | None, n_epochs: int, period: int
) -> tuple[int, bool]:
    """How many epochs draw their samples, and whether they draw all of them.

    `4` epochs or a share of the run, `10%` or `0.1`, which is a period at least; `:full` behind either.
    """
    if asked is None:
        share = WARM_UP if warms_up(policy) else Fraction(0)
        return min(_share_of_run(share, n_epochs, period), (n_epochs - 1) // period * period), False
    if not warms_up(policy):
        raise CurateError(f"policy {name} does not rank by losses: leave out --warm-up")
    length, colon, draws = asked.partition(":")
    if colon and draws not in DRAWS:
        raise CurateError(f"warm-up={asked} is unknown: write random or full behind the colon")
    text = length.strip()
    try:
        value = Fraction(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except (ValueError, ZeroDivisionError):
        raise CurateError(f"warm-up={asked} is not a number: use 4 epochs, or a share such as 10%") from None
    is_share = "." in text or "%" in text or "/" in text
    if not is_share and value >= 1:
        n_warm = int(value)
    elif 0 <= value < 1:
        n_warm = _share_of_run(value, n_epochs, period)
    else:
        raise CurateError(f"warm-up={asked} is out of range: use whole epochs, or 0 <= share < 1")
    return n_warm, draws == "full"


def _share_of_run(share: Fraction, n_epochs: int, period: int) -> int:
    """A share of a run in epochs: a period at least, unless it is nothing."""
    return max(period, part_of(share, n_epochs)) if share else 0

"""Which samples to keep by how many there are, and how many were learned: the hard, the easy, or all levels.

Where much is kept of each class, the easy samples say nothing new and the hard ones draw the border; where
little is kept, the hard ones are exceptions without a rule (Sorscher et al. 2022; Zheng et al. 2023). Then
the easy ones serve where they come from all clusters alike; the easiest by a score resemble each other, and
all levels serve better. The same holds, however much is kept, of what the model that made the score could
not learn itself. The limits are those of LeNet-5 on MNIST and CIFAR-10 (scores.md, scores_cifar10.md and
mnist_table_cosine.md in benchmarks/results): a guess for any other data, to be checked by `replay`.
"""

from dataclasses import dataclass
from typing import Any

from curate.errors import CurateError
from curate.finder import nearest

REGIMES = ("auto", "hard", "easy", "stratified")
_PLENTY = 150  # samples of a class kept, from which on the hard ones are best
_MOST_UNLEARNED = 0.2  # of the hardest that would be kept
_STRATEGIES = {
    "clusters": {"hard": "furthest", "easy": "closest", "stratified": "stratified"},
    "scores": {"hard": "top", "easy": "bottom", "stratified": "stratified"},
}
_CUTS = {0.5: 0.0, 0.2: 0.1, 0.0: 0.3}  # of stratified, from so much kept on: Zheng et al. 2023


@dataclass(frozen=True)
class Choice:
    """A regime, the strategy and options that it means for a kind of table, and why, in words."""

    regime: str
    strategy: str
    options: dict[str, Any]
    why: str


def choose(
    regime: str, kind: str, n_kept: int, n: int, n_classes: int, unlearned: float | None = None
) -> Choice:
    """The regime asked for; for `auto` the one that suits `n_kept` samples of `n` in so many classes.

    `unlearned` is the share of the hardest `n_kept` that was not learned, None where that is not known.
    """
    if regime not in REGIMES:
        raise CurateError(f"there is no regime '{regime}': {nearest(regime, REGIMES)}")
    if regime != "auto":
        return _choice(regime, kind, n_kept / n, "as asked for")
    each = n_kept / max(1, n_classes)
    of = f"{each:,.0f} samples of a class are kept, of {n / max(1, n_classes):,.0f}"
    if each >= _PLENTY and (unlearned or 0) > _MOST_UNLEARNED:
        found = "stratified"
        why = f"{of}, but {unlearned:.0%} of the hardest were not learned: all levels are needed"
    elif each >= _PLENTY:
        known = "" if unlearned is None else f", and {1 - unlearned:.0%} of them were learned"
        found, why = "hard", f"{of}: from {_PLENTY:,} on, the hard ones teach most{known}"
    elif kind == "clusters":
        found, why = "easy", f"{of}: below {_PLENTY:,}, those typical of their cluster teach most"
    else:
        found, why = "stratified", f"{of}: below {_PLENTY:,}, all levels of difficulty are needed"
    return _choice(found, kind, n_kept / n, why)


def _choice(regime: str, kind: str, keep: float, why: str) -> Choice:
    """A regime as a strategy; the less is kept, the more of the least trusted are left out before."""
    options, strategy = {}, _STRATEGIES[kind][regime]
    if strategy == "stratified":
        options["cut"] = next(cut for least, cut in _CUTS.items() if keep >= least)
        why += f"; the {options['cut']:.0%} least to be trusted are left out" if options["cut"] else ""
    return Choice(regime, strategy, options, why)

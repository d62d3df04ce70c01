"""Which samples to keep by how many there are, and how many were learned: the hard, the easy, or all levels.

Where much is kept of each class, the easy samples say nothing new and the hard ones draw the border. Where
little is kept, the hard ones are exceptions without a rule (Sorscher et al. 2022; Zheng et al. 2023). Then
the easy ones serve if they come from all clusters alike. The easiest by a score resemble each other, so
there all levels serve better. All levels are also kept where the model that made the score did not learn
the hardest samples itself; no more than what it did not learn is left out. The limits are those of LeNet-5
on MNIST and CIFAR-10 (scores_levels.md, scores_levels_cifar10.md, mnist_table_cosine.md in
recipes/results/earlier). They are a guess for any other data: check them by `replay`.
"""

from dataclasses import dataclass
from typing import Any

from curate.errors import CurateError
from curate.finder import nearest

REGIMES = ("auto", "hard", "easy", "stratified")
_PLENTY = 300  # samples of a class kept, from which on the hard ones are best
_MOST_UNLEARNED = 0.2  # of the hardest that would be kept
_STRATEGIES = {
    "clusters": {"hard": "furthest", "easy": "closest", "stratified": "stratified"},
    "scores": {"hard": "top", "easy": "bottom", "stratified": "stratified"},
}
_CUTS = {0.5: 0.0, 0.2: 0.1, 0.0: 0.3}  # at most, of stratified, from so much kept on: Zheng et al. 2023


@dataclass(frozen=True)
class Choice:
    """A regime, the strategy and options that it means for a kind of table, and why, in words."""

    regime: str
    strategy: str
    options: dict[str, Any]
    why: str


def choose(
    regime: str, kind: str, n_kept: int, n: int, n_classes: int, n_unlearned: int | None = None
) -> Choice:
    """The regime asked for; for `auto` the one that suits `n_kept` samples of `n` in so many classes.

    Without classes, `auto` does not know, and says so. `n_unlearned` samples, the hardest, were not learned;
    None where that is not known.
    """
    if regime not in REGIMES:
        raise CurateError(f"there is no regime '{regime}': {nearest(regime, REGIMES)}")
    learned = 1.0 if n_unlearned is None else 1 - min(1.0, n_unlearned / n_kept)
    each = n_kept / max(1, n_classes)
    of = f"{each:,.0f} samples of a class are kept, of {n / max(1, n_classes):,.0f}"
    if regime != "auto":
        chosen, why = regime, "as asked for"
    elif n_classes == 0:
        chosen = "stratified"
        why = "without labels it is not known how much is kept of a class: all levels are kept"
    elif each >= _PLENTY and 1 - learned > _MOST_UNLEARNED:
        chosen = "stratified"
        why = f"{of}, but {1 - learned:.0%} of the hardest were not learned: all levels are needed"
    elif each >= _PLENTY:
        known = "" if n_unlearned is None else f", and {learned:.0%} of them were learned"
        chosen, why = "hard", f"{of}: from {_PLENTY:,} on, the hard ones teach most{known}"
    elif kind == "clusters":
        chosen, why = "easy", f"{of}: below {_PLENTY:,}, those typical of their cluster teach most"
    else:
        chosen, why = "stratified", f"{of}: below {_PLENTY:,}, all levels of difficulty are needed"
    strategy = _STRATEGIES[kind][chosen]
    if strategy != "stratified":
        return Choice(chosen, strategy, {}, why)
    cut = _cut(n_kept / n, None if n_unlearned is None else n_unlearned / n)
    left_out = f"; the {cut:.1%} least to be trusted are left out" if cut else ""
    return Choice(chosen, strategy, {"cut": cut}, why + left_out)


def _cut(keep: float, unlearned: float | None) -> float:
    """The share left out: the more the less is kept, but no more than was not learned."""
    most = next(cut for least, cut in _CUTS.items() if keep >= least)
    return most if unlearned is None else min(most, round(unlearned, 3))

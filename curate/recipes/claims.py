"""Claims: what a source says came out, as part of its recipe, and whether it came out here.

[[report.claims]]
claim = "furthest is the best choice at 30,000 samples"
better = "furthest, k 500"                          # or at-least = "...": level in the mean is enough
than = ["static random", "closest, k 500"]
keep = [30000]                                      # and n = 3750, where data sets of several sizes were run
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from curate.recipes.comparison import Comparison
from curate.statistics import Difference, paired_difference

FIELDS = {"claim": str, "better": str, "at-least": str, "than": list, "keep": list, "n": int}


@dataclass(frozen=True)
class Claim:
    """A claim, what became of it, and the differences that say so, in words."""

    text: str
    verdict: str
    evidence: list[str]


def checked(claims: Sequence[Mapping[str, Any]], comparison: Comparison) -> list[Claim]:
    """What became of each claim. A difference counts as clear where its 95% interval leaves out zero."""
    return [_checked(claim, comparison) for claim in claims]


def problems(claims: Any) -> Iterator[str]:
    """What is wrong with the claims of a recipe."""
    if not isinstance(claims, list) or not all(isinstance(one, dict) for one in claims):
        yield "claims are tables: write [[report.claims]]"
        return
    for number, one in enumerate(claims, 1):
        wrong = [
            name for name, value in one.items() if name not in FIELDS or not isinstance(value, FIELDS[name])
        ]
        if wrong:
            yield f"claim {number}: '{wrong[0]}' is unknown, or no {_IN_WORDS.get(wrong[0], 'part of one')}"
        elif ("better" in one) == ("at-least" in one):
            yield f"claim {number} needs one of better and at-least"
        elif not {"claim", "than", "keep"} <= one.keys():
            missing = ", ".join(sorted({"claim", "than", "keep"} - one.keys()))
            yield f"claim {number} lacks {missing}"


_IN_WORDS = {
    "claim": "text",
    "better": "name",
    "at-least": "name",
    "than": "list",
    "keep": "list",
    "n": "number",
}


def _checked(claim: Mapping[str, Any], comparison: Comparison) -> Claim:
    parts = Comparison([row for row in comparison.rows if claim.get("n") in (None, row.n)]).parts
    method = str(claim.get("better", claim.get("at-least")))
    found: list[Difference] = []
    evidence, missing = [], []
    for keep, other, (about, part) in product(map(str, claim["keep"]), claim["than"], parts.items()):
        where = f"at keep {keep}" + (f" of {about}" if about else "")
        difference = _difference(part, method, str(other), keep)
        if difference is None:
            missing.append(f"{method} or {other} {where}")
            continue
        found.append(difference)
        evidence.append(f"{_in_numbers(difference)} over {other} {where}")
    if missing:
        return Claim(str(claim["claim"]), "not run", [f"lacks {one}" for one in missing])
    return Claim(str(claim["claim"]), _verdict(found, strictly="better" in claim), evidence)


def _difference(comparison: Comparison, method: str, other: str, keep: str) -> Difference | None:
    """The accuracy of one method minus that of another at a budget, seed by seed; of full there is one."""
    ours = comparison.cells.get((method, keep)) or comparison.cells.get((method, None))
    theirs = comparison.cells.get((other, keep)) or comparison.cells.get((other, None))
    if ours is None or theirs is None:
        return None
    seeds = [seed for seed in ours.by_seed if seed in theirs.by_seed]
    if not seeds:
        return None
    return paired_difference(
        [ours.by_seed[seed].accuracy for seed in seeds], [theirs.by_seed[seed].accuracy for seed in seeds]
    )


def _verdict(differences: Sequence[Difference], *, strictly: bool) -> str:
    lost = any(one.high is not None and one.high < 0 for one in differences)
    won = all(one.low is not None and one.low > 0 for one in differences)
    if lost:
        return "not reproduced"
    if won or (not strictly and all(one.mean >= 0 for one in differences)):
        return "reproduced"
    if strictly and all(one.mean > 0 for one in differences):
        return "reproduced in the mean, not clearly"
    return "not clear"


def _in_numbers(one: Difference) -> str:
    text = f"{100 * one.mean:+.2f}"
    return (
        text
        if one.low is None or one.high is None
        else f"{text} [{100 * one.low:+.2f}, {100 * one.high:+.2f}]"
    )

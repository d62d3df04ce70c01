"""Variants of a dataset, as part of its reference: fewer samples per class, wrong labels, joined splits.

    cifar10+per-class=0.25/0.25/0.5/0.5/0.5/0.75/0.75/1/1/1     the imbalanced CIFAR-10 of Raju et al. 2021
    mnist+per-class=1000                                        1,000 samples of every class
    mnist+per-class=3:0.1/7:500                                 fewer of two classes, by name or number
    mnist+noise=0.1+seed=3                                      a tenth of the labels made wrong
    cinic10+join=val                                            train and validation joined

A variant changes what is trained on; the test split stays as it is. Which samples are dropped or
mislabelled depends on the seed and on the samples' contents, not on their order: a re-ordered copy of a
dataset has the same variants.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curate.data.identity import Labels, Uids, occurrences
from curate.errors import CurateError
from curate.finder import nearest
from curate.rng import rng
from curate.statistics import part_of

_PART = re.compile(r"\+([a-z_-]+)=([^+]*)")


@dataclass(frozen=True)
class Variant:
    """What a reference asks for beside the dataset itself.

    `per_class` maps a class, by name or number, to a fraction or a count; `""` stands for every class,
    and a tuple of numbers without names for all classes in order.
    """

    per_class: dict[str, Fraction] = field(default_factory=dict)
    in_order: tuple[Fraction, ...] = ()
    noise: Fraction = Fraction(0)
    join: str = ""
    seed: int = 0

    def rows(self, labels: Labels, classes: list[str], uids: Uids, called: str) -> npt.NDArray[np.int64]:
        """The rows that remain, sorted: the same number for the same class, whatever the order."""
        sizes = np.bincount(labels, minlength=len(classes))
        wanted = self._wanted(sizes, classes, called)
        draws = _draws(uids, rng(self.seed, "per class"))
        kept = np.zeros(len(labels), np.bool_)
        for number, count in enumerate(wanted):
            members = np.flatnonzero(labels == number)
            kept[members[np.argsort(draws[members], kind="stable")[:count]]] = True
        return np.flatnonzero(kept)

    def relabelled(self, labels: Labels, n_classes: int, uids: Uids) -> Labels:
        """Labels of which a share of exactly `noise` is wrong, each other class being equally likely."""
        chance = rng(self.seed, "noise")
        draws = _draws(uids, chance)
        n_wrong = part_of(self.noise, len(labels))
        wrong = np.argsort(draws, kind="stable")[:n_wrong]
        changed = labels.copy()  # `wrong` is in order of the draws: what each becomes is its own, too
        changed[wrong] = (labels[wrong] + chance.integers(1, n_classes, n_wrong)) % n_classes
        return changed

    def _wanted(self, sizes: npt.NDArray[np.int64], classes: list[str], called: str) -> list[int]:
        shares = {str(number): Fraction(1) for number in range(len(classes))}
        if self.in_order:
            if len(self.in_order) != len(classes):
                raise CurateError(
                    f"{called}: per-class has {len(self.in_order)} values for {len(classes)} classes: give "
                    "one for each class, one for all, or class:value"
                )
            shares = {str(number): share for number, share in enumerate(self.in_order)}
        for name, share in self.per_class.items():
            if name == "":
                shares = dict.fromkeys(shares, share)
            elif name in classes:
                shares[str(classes.index(name))] = share
            elif name in shares:
                shares[name] = share
            else:
                raise CurateError(f"{called} has no class '{name}': {nearest(name, classes)}")
        counts = []
        for number, share in enumerate(shares.values()):
            size = int(sizes[number])
            if share > size and share > 1:
                raise CurateError(
                    f"{called}: class {classes[number]} has {size:,} samples, fewer than the {share} wanted"
                )
            counts.append(int(share) if share > 1 else part_of(share, size))
        return counts


def parse(reference: str) -> tuple[str, Variant | None]:
    """A reference without its variant, and the variant where it names one."""
    if "+" not in reference or Path(reference).exists():
        return reference, None
    parts = list(_PART.finditer(reference))
    if not parts:
        return reference, None
    base = reference[: parts[0].start()]
    if base + "".join(part.group() for part in parts) != reference:
        raise CurateError(f"{reference} is not a variant: write DATASET+name=value+name=value")
    parsed: dict[str, object] = {}
    for part in parts:
        name, value = part.groups()
        if name not in _READERS:
            raise CurateError(f"{reference}: there is no variant '{name}': {nearest(name, _READERS)}")
        fields = _READERS[name](value)
        if fields.keys() & parsed.keys():
            raise CurateError(f"{reference}: {name} is given twice: give it once")
        parsed |= fields
    return base, Variant(**parsed)  # type: ignore[arg-type]  # each reader gives its fields' types


def _per_class(value: str) -> dict[str, object]:
    named: dict[str, Fraction] = {}
    in_order: list[Fraction] = []
    for word in value.split("/"):
        name, colon, number = word.rpartition(":")
        share = _number("per-class", number)
        if share <= 0 or (share > 1 and share.denominator != 1):
            raise CurateError(
                f"per-class={word} is out of range: use a fraction above 0 and up to 1, or a count"
            )
        if colon:
            named[name] = share
        else:
            in_order.append(share)
    if len(in_order) == 1 and not named:
        named[""], in_order = in_order[0], []
    if in_order and named:
        raise CurateError(f"per-class={value} mixes two forms: give one value per class, or class:value")
    return {"per_class": named, "in_order": tuple(in_order)}


def _noise(value: str) -> dict[str, object]:
    share = _number("noise", value)
    if not 0 < share < 1:
        raise CurateError(f"noise={value} is out of range: use 0 < noise < 1")
    return {"noise": share}


def _join(value: str) -> dict[str, object]:
    if value != "val":
        raise CurateError(f"join={value} is unknown: the train split can be joined with val")
    return {"join": value}


def _seed(value: str) -> dict[str, object]:
    if not value.isdigit():
        raise CurateError(f"seed={value} is not a whole number")
    return {"seed": int(value)}


_READERS: dict[str, Callable[[str], dict[str, object]]] = {
    "per-class": _per_class,
    "noise": _noise,
    "join": _join,
    "seed": _seed,
}


def _number(name: str, text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise CurateError(f"{name}={text} is not a number") from None


def _draws(uids: Uids, chance: np.random.Generator) -> npt.NDArray[np.float64]:
    """A number in 0..1 for each sample, given out in order of uid and occurrence."""
    draws = np.empty(len(uids))
    draws[np.lexsort((occurrences(uids), uids))] = chance.random(len(uids))
    return draws

"""What `inspect` says of a dataset: every split of it, and all that is wrong with it, in one report."""

from dataclasses import replace

import numpy as np

from curate.data.dataset import Dataset, Options, open_dataset
from curate.data.identity import occurrences
from curate.data.overlap import overlap
from curate.data.scan import too_many_corrupt
from curate.data.source import SPLITS, NoSplitError
from curate.errors import CurateError
from curate.progress import Progress, WithoutNotes
from curate.verbs.description import Chart, Description, per_group

_FEW = 5  # names that stand for all


def describe_dataset(reference: str, opening: Options, progress: Progress) -> Description:
    """The splits of a dataset, or the one that was asked for; nothing of it is held in memory.

    What cannot be read is counted and named here, where other commands refuse it.
    """
    quiet = WithoutNotes(progress)
    parts, problems = _splits(reference, opening, quiet)
    data, *others = parts
    height, width, channels = data.images.shape
    duplicates = int((occurrences(data.uids) > 0).sum())
    more = "".join(f"; {len(part):,} in {part.options.split}" for part in others)
    facts = [
        ("samples", f"{len(data):,} ({data.options.split} split){more}"),
        ("images", f"{width} x {height} pixels, {'grey' if channels == 1 else 'colour'}"),
        ("classes", f"{len(data.classes):,}" if data.labels is not None else "no labels"),
        ("duplicates", f"{duplicates:,} samples are copies of an earlier one"),
        ("fingerprint", data.fingerprint),
    ]
    facts += list(problems.items())
    said: set[str] = set()
    for part in parts:
        new = [text for text in (*part.notes, *_unreadable(part, opening)) if text not in said]
        facts += [(part.options.split, text) for text in new]
        said |= set(new)
    facts += [("note", text) for text in quiet.notes if text not in said and not text.startswith("left out")]
    charts: list[Chart] = []
    if data.labels is not None:
        facts += [("beware", text) for text in _overlap(data, others)]
        sizes = np.bincount(data.labels, minlength=len(data.classes))
        charts.append(per_group("samples per class", data.classes, sizes))
    return Description(f"dataset {reference}", facts, charts, data.header().to_json())


def _splits(reference: str, opening: Options, progress: Progress) -> tuple[list[Dataset], dict[str, str]]:
    """The split that was asked for, else all that there are, and why another cannot be opened.

    A val split that stands in for test is there once.
    """
    parts: list[Dataset] = []
    problems: dict[str, str] = {}
    for split in [opening.split] if opening.split else SPLITS:
        looking = replace(opening, split=split, skip_corrupt=True)
        try:
            part = open_dataset(reference, looking, progress, resident_limit=0, decodes=False)
        except NoSplitError:
            if opening.split:
                raise
        except CurateError as problem:
            if not parts:
                raise
            if split != "val":  # that there is none is nothing to say of a dataset that was not asked for it
                problems[split] = str(problem)
        else:
            if all(part.fingerprint != other.fingerprint for other in parts):
                parts.append(part)
    return parts, problems


def _unreadable(part: Dataset, opening: Options) -> list[str]:
    """What is to be said of the images that cannot be read."""
    if not part.skipped:
        return []
    names = ", ".join(part.skipped[:_FEW]) + (", ..." if len(part.skipped) > _FEW else "")
    n = max(part.n_rows, len(part) + len(part.skipped))  # of the source: a part may be held out
    stops = too_many_corrupt(len(part.skipped), n, opening.skip_corrupt)
    remedy = "mend them, or leave them out with --skip-corrupt" if stops else "left out"
    return [f"{len(part.skipped):,} of {n:,} images cannot be read ({names}): {remedy}"]


def _overlap(data: Dataset, others: list[Dataset]) -> list[str]:
    """What is wrong in a training set, and between it and each other split."""
    said: dict[str, None] = {}
    for other in [*others, None] if data.options.split == "train" else [None]:
        if other is None or (other.labels is not None and other.classes == data.classes):
            said |= dict.fromkeys(overlap(data, other).warnings(data, other))
    return list(said)

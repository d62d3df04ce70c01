"""What `inspect` says of dynamic manifests: groups over one session or several trials, and per class."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from curate.artifacts.header import check_same_dataset
from curate.errors import CurateError
from curate.manifests.manifest import Manifest
from curate.selection.groups import FEWEST_CHECKPOINTS, GROUPS, Counts, Groups, fit_groups, plain_counts
from curate.verbs.description import Bar, Chart, histogram, shares

_WHERE = {"none": "no checkpoint", "between": "some, not all", "all": "every checkpoint"}
_BARS = 26  # at most, in the histogram of counts
_MANY = 40  # classes, beyond which a chart shows their distribution


def check_sessions(manifests: Sequence[Manifest]) -> None:
    """Refuse manifests that cannot be counted together: static ones, or of different datasets."""
    for manifest in manifests:
        if manifest.is_static:
            raise CurateError(f"{manifest.path} is static: only sessions of `curate train` are put together")
        first = manifests[0]
        check_same_dataset(first.header.dataset, str(first.path), manifest.header.dataset, str(manifest.path))


def selection_counts(manifests: Sequence[Manifest]) -> tuple[Counts, int]:
    """How many checkpoints selected each sample `[n]`, and how many there were, over all manifests."""
    counts, n_checkpoints = np.zeros(manifests[0].n, np.int64), 0
    for manifest in manifests:
        samples = manifest.samples
        if "n_checkpoints_selected" in samples:
            counts += samples["n_checkpoints_selected"]
            n_checkpoints += len(manifest.header.summary["checkpoints"])
        else:  # made elsewhere: every epoch may have been decided on its own
            counts += samples["n_selected"]
            n_checkpoints += manifest.n_epochs
    return counts, n_checkpoints


def describe_sessions(
    manifests: Sequence[Manifest], by: str | None
) -> tuple[list[tuple[str, str]], list[Chart]]:
    """Facts and charts on how often samples are selected: the counts, and the components fitted to them."""
    counts, n_checkpoints = selection_counts(manifests)
    plain = plain_counts(counts, n_checkpoints)
    facts = [
        (f"selected at {where}", f"{plain[name]:,} samples ({plain[name] / len(counts):.1%})")
        for name, where in _WHERE.items()
    ]
    groups = fit_groups(counts, n_checkpoints) if n_checkpoints >= FEWEST_CHECKPOINTS else None
    facts += _components(groups, counts, n_checkpoints)
    facts += [("beware", text) for text in _beware(manifests, groups)]
    distrusted = [int((~m.samples["trusted"]).sum()) for m in manifests if "trusted" in m.samples]
    if distrusted:
        facts.append(
            ("not trusted", ", ".join(f"{number:,}" for number in distrusted) + " samples at the end")
        )
    charts = [_counts_chart(counts, n_checkpoints, groups)]
    charts += [_changes_chart(manifests[0])] if len(manifests) == 1 else []
    if by is not None:
        if groups is None:
            raise CurateError(
                f"{n_checkpoints} checkpoints are too few for groups: leave out --by, or pool sessions"
            )
        charts += _per_class(manifests[0], groups.of(counts))
    return facts, charts


def _components(groups: Groups | None, counts: Counts, n_checkpoints: int) -> list[tuple[str, str]]:
    """The fitted components, under words that claim no more than they show."""
    if groups is None:
        return [("components", f"not fitted to fewer than {FEWEST_CHECKPOINTS} checkpoints")]
    of = groups.of(counts)
    facts = []
    for name, weight, mean, std in zip(GROUPS, groups.weights, groups.means, groups.stds, strict=True):
        where = f"around {mean:.1f} of {n_checkpoints} checkpoints, give or take {std:.1f}"
        size = int((of == name).sum())
        text = f"{weight:.1%} of the fit, {where if weight > 0.0005 else 'empty'}; likeliest for {size:,}"
        facts.append((f"component {name}", text))
    return facts


def _beware(manifests: Sequence[Manifest], groups: Groups | None) -> list[str]:
    """What makes the counts mean less than they seem to."""
    texts = []
    seeds = [manifest.header.seed for manifest in manifests]
    if len(set(seeds)) < len(seeds):
        texts.append("sessions of the same seed are put together: they are no independent trials")
    lengths = {len(manifest.header.summary.get("checkpoints", [])) for manifest in manifests}
    if len(lengths) > 1:
        texts.append(
            f"sessions of different lengths are put together ({min(lengths)} to {max(lengths)} checkpoints): "
            "the longer ones count for more"
        )
    if groups is not None and groups.random_explains:
        texts.append(
            "random draws of as many at every checkpoint explain these counts as well: read nothing into them"
        )
    return texts


def _counts_chart(counts: Counts, n_checkpoints: int, groups: Groups | None) -> Chart:
    """How many samples are selected how often; a mark shows what the fitted mixture expects."""
    n = n_checkpoints + 1
    width = -(-n // _BARS)
    n_samples = np.bincount(counts, minlength=n)
    bars = []
    for low in range(0, n, width):
        high = min(low + width, n)
        value, label = int(n_samples[low:high].sum()), f"{low}" if high == low + 1 else f"{low}-{high - 1}"
        if groups is None:
            bars.append(Bar(label, value, f"{value:,}"))
            continue
        expected = float(groups.expected[low:high].sum() * len(counts))
        bars.append(Bar(label, value, f"{value:,} (fit {expected:,.0f})", expected))
    return Chart(f"how many samples are selected how often, of {n_checkpoints} checkpoints", bars)


def _changes_chart(manifest: Manifest) -> Chart:
    """The share of a selection that the one before did not have, checkpoint by checkpoint."""
    checkpoints = manifest.header.summary.get("checkpoints") or list(range(manifest.n_epochs))
    step = -(-len(checkpoints) // _MANY)
    bars, before = [], None
    for number, epoch in enumerate(checkpoints):
        now = np.zeros(manifest.n, np.bool_)
        now[manifest.selected(epoch).indices] = True
        if before is not None and number % step == 0:
            changed = 1 - float((now & before).sum() / max(1, now.sum()))
            bars.append(Bar(f"epoch {epoch}", changed, f"{changed:.0%}"))
        before = now
    return Chart("changed at each checkpoint, of the selection", bars, full=1.0)


def _per_class(manifest: Manifest, of: npt.NDArray[np.str_]) -> list[Chart]:
    samples, names = manifest.samples, manifest.header.dataset.classes
    if "label" not in samples:
        raise CurateError(f"{manifest.path} has no labels: leave out --by class")
    total = np.bincount(samples["label"], minlength=len(names))
    charts = []
    for group in reversed(GROUPS):
        inside = np.bincount(samples["label"][of == group], minlength=len(names))
        if len(names) <= _MANY:
            charts.append(shares(f"{group}, per class", names, inside.tolist(), total.tolist()))
        else:
            share = inside[total > 0] / total[total > 0]
            charts.append(histogram(f"{group}: share of a class, over {len(share):,} classes", share))
    return charts

"""The dataset card of a manifest: README.md with the YAML head that the Hub and its viewer read."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from curate.artifact import Header


def card(name: str, header: Header, samples: Mapping[str, Any]) -> str:
    """The text of README.md for a manifest called `name`."""
    dataset, summary = header["dataset"], header["summary"]
    share = f"{summary['keep']:.1%}"
    kept = f"{summary['n_selected_per_epoch']:,.0f} of {dataset['n']:,} samples ({share})"
    head = [
        "---",
        f"pretty_name: {json.dumps(name)}",
        "tags:",
        "- curate",
        "- data-pruning",
        f"size_categories:\n- {_size_category(dataset['n'])}",
        "configs:",
        "- config_name: selection",
        "  data_files: selection.parquet",
        "- config_name: samples",
        "  data_files: samples.parquet",
        "---",
    ]
    epochs = "the same in every epoch" if summary["n_epochs"] == 1 else f"for {summary['n_epochs']} epochs"
    body = [
        f"# {name}",
        "",
        f"Which samples of `{dataset['reference']}` ({dataset['split']} split) to train on: "
        f"{kept}, {epochs}.",
        "It holds indices, uids, labels and scores, and no images.",
        "",
        f"    curate inspect {name}",
        f"    curate replay {name} --against full,random",
        "",
        *_groups(summary),
        *_class_table(dataset["classes"], samples, summary["n_epochs"]),
        "## How it was made",
        "",
        f"`curate {header['command']}` with seed {header['seed']} and",
        "",
        "```json",
        json.dumps(header["options"], indent=1, sort_keys=True),
        "```",
        "",
        f"Dataset fingerprint `{dataset['fingerprint']}`; versions "
        + ", ".join(f"{library} {version}" for library, version in header["versions"].items())
        + ". `manifest.json` has the whole record.",
        "",
    ]
    return "\n".join(head + body)


def _groups(summary: Mapping[str, Any]) -> list[str]:
    """What share of the samples is never, sometimes and always selected, where that was fitted."""
    if "groups" not in summary:
        return []
    shares = ", ".join(f"{name} {group['weight']:.1%}" for name, group in summary["groups"].items())
    n = len(summary["checkpoints"])
    return [f"Selected anew at {n} checkpoints. By a fitted mixture, samples are selected: {shares}.", ""]


def _class_table(classes: list[str], samples: Mapping[str, Any], n_epochs: int) -> list[str]:
    """Kept share per class, for up to 100 classes: of samples, or of presentations where epochs differ."""
    if "label" not in samples or not 0 < len(classes) <= 100:
        return []
    totals = np.bincount(samples["label"], minlength=len(classes)) * n_epochs
    chosen = np.bincount(samples["label"], samples["n_selected"], minlength=len(classes)).astype(np.int64)
    rows = [
        f"| {name.replace('|', ' ')} | {total:,} | {count:,} | {count / total if total else 0:.1%} |"
        for name, total, count in zip(classes, totals, chosen, strict=True)
    ]
    what = "samples" if n_epochs == 1 else "presentations"
    return [f"| class | {what} | kept | share |", "|---|---|---|---|", *rows, ""]


def _size_category(n: int) -> str:
    """The Hub's own words for sizes."""
    steps = [(10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M")]
    return next((name for limit, name in steps if n < limit), "1M<n<10M" if n < 10**7 else "n>10M")

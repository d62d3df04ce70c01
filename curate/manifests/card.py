"""The dataset card of a manifest: for people, with the YAML head that the Hub and its viewer read."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from curate.artifacts.header import Header, cost_of
from curate.manifests.origins import Origin, origin_of
from curate.text import in_code, in_markdown, in_shell


def card(name: str, header: Header, samples: Mapping[str, Any]) -> str:
    """The text of README.md in the folder of a manifest called `name`."""
    configs = [("selection", "selection.parquet"), ("samples", "samples.parquet")]
    origin = origin_of(header.dataset.reference)
    head = head_of(name, configs, size_category(header.dataset.n), origin.licence)
    return "\n".join([*head, about(name, header, samples, origin=origin)])


def head_of(title: str, configs: Sequence[tuple[str, str]], size: str, licence: str | None) -> list[str]:
    """The lines of the YAML head; `configs` are what the viewer shows, by name and file."""
    return [
        "---",
        f"pretty_name: {json.dumps(title)}",
        *([f"license: {licence}"] if licence else []),
        "tags:",
        "- curate",
        "- data-pruning",
        f"size_categories:\n- {size}",
        "configs:",
        *(f"- config_name: {json.dumps(name)}\n  data_files: {json.dumps(file)}" for name, file in configs),
        "---",
    ]


def about(
    name: str,
    header: Header,
    samples: Mapping[str, Any],
    *,
    origin: Origin,
    address: str | None = None,
    results: Mapping[str, Any] | None = None,
    picture: str | None = None,
) -> str:
    """The card without its head. `address` is where it lies on the Hub, `results` what a replay found."""
    dataset, summary = header.dataset, header.summary
    share = f"{summary['keep']:.1%}"
    kept = f"{summary['n_selected_per_epoch']:,.0f} of {dataset.n:,} samples ({share})"
    epochs = "the same in every epoch" if summary["n_epochs"] == 1 else f"for {summary['n_epochs']} epochs"
    reference = dataset.reference if address is None else _without_folders(dataset.reference)
    page = f"[{in_markdown(reference)}]({origin.link})" if origin.link else f"`{in_code(reference)}`"
    licence = f"under {origin.licence}" if origin.licence else "under a licence of its own, see its page"
    body = [
        f"# {in_markdown(name)}",
        "",
        f"Which samples of {page} ({in_markdown(dataset.split)} split) to train on: {kept}, {epochs}. "
        f"It holds indices, uids, labels and scores, and no images; those are {licence}.",
        "",
        *([f"![histogram]({picture})", ""] if picture else []),
        *_why(summary),
        *_groups(summary),
        *_results(results, summary, header),
        "## Train on it",
        "",
        *_usage(name, reference, address, summary["n_epochs"], has_rows="row" in samples),
        *_class_table(dataset.classes, samples, summary["n_epochs"]),
        "## How it was made",
        "",
        f"{_made_by(header.command)} with seed {header.seed} and",
        "",
        "```json",
        json.dumps(dict(header.options), indent=1, sort_keys=True).replace("`", "\\u0060"),
        "```",
        "",
        f"Dataset fingerprint `{in_code(dataset.fingerprint)}`; versions "
        + in_markdown(", ".join(f"{library} {version}" for library, version in header.versions.items()))
        + f"; {in_markdown(header.device)}. "
        f"`manifest.json` has the whole record, sealed as `{header.sha256[:16]}`.",
        "",
    ]
    return "\n".join(body)


def _made_by(command: str | None) -> str:
    """What made a manifest, as a reader would find it: a command, or the class for a loop of one's own."""
    return (
        "`curate.Pruner`, in a training loop of its own,"
        if command == "pruner"
        else f"`curate {in_code(command)}`"
    )


def size_category(n: int) -> str:
    """The Hub's own words for sizes."""
    steps = [(10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M")]
    return next((name for limit, name in steps if n < limit), "1M<n<10M" if n < 10**7 else "n>10M")


def _without_folders(reference: str) -> str:
    """A dataset's reference for others: where it lies on this machine is not for them."""
    return reference if reference.startswith("hf:") else reference.rstrip("/").rpartition("/")[2]


def _why(summary: Mapping[str, Any]) -> list[str]:
    """Why these samples, where that is known."""
    if "why" in summary:
        told = f"{summary['regime']} ({summary['strategy']}): {summary['why']}"
        return [f"Chosen as {in_markdown(told)}.", ""]
    if "strategy" in summary:
        return [f"Chosen by the strategy `{in_code(summary['strategy'])}`.", ""]
    return [f"Chosen by the policy `{in_code(summary['policy'])}`.", ""] if "policy" in summary else []


def _groups(summary: Mapping[str, Any]) -> list[str]:
    """How many samples are selected at no checkpoint and at all of them, and the components of a fit."""
    if "selected" not in summary:
        return []
    n, selected = len(summary["checkpoints"]), summary["selected"]
    text = (
        f"Selected anew at {n} checkpoints: {selected['none']:,} samples at none, {selected['all']:,} at all."
    )
    if "groups" in summary:
        groups = summary["groups"].items()
        shares = ", ".join(f"{in_markdown(name)} {group['weight']:.1%}" for name, group in groups)
        text += f" Components of a fitted mixture: {shares}."
    if summary.get("random_explains_groups"):
        text += " Random draws explain these counts as well."
    return [text, ""]


def _results(results: Mapping[str, Any] | None, summary: Mapping[str, Any], header: Header) -> list[str]:
    """Accuracy with controls and spread from a replay, or of the run itself; and what scoring cost."""
    lines = []
    if results:
        recipe = results["recipe"]
        lines += [
            "## Accuracy",
            "",
            f"{in_markdown(results['model'])}, {recipe['n_epochs']} epochs, after the last one, mean ± std "
            f"over {len(results['runs'][0]['trials'])} trials, on {in_markdown(results['device'])}:",
            "",
            "| | test accuracy | samples seen | seconds |",
            "|---|---|---|---|",
            *(
                f"| {'**this manifest**' if place == 0 else in_markdown(run['name'])} | "
                f"{_accuracy(run['accuracy'])} | {run['trials'][0]['samples_seen']:,} | "
                f"{_seconds(run['seconds'])} |"
                for place, run in enumerate(results["runs"])
            ),
            "",
        ]
    elif summary.get("test_accuracy") is not None:
        lines += [f"The run that selected it reached {summary['test_accuracy']:.2%} on the test set.", ""]
    seconds, seen = cost_of(header.lineage)
    if seconds or seen:
        time = "" if seconds is None else f"{seconds:,.1f} s and "
        lines += [f"The scores behind it cost {time}{seen:,} presentations.", ""]
    return lines


def _seconds(summary: Mapping[str, Any] | None) -> str:
    return "unknown" if summary is None else f"{summary['mean']:.1f}"


def _accuracy(summary: Mapping[str, Any]) -> str:
    spread = f" ± {100 * summary['std']:.2f}" if summary.get("std") is not None else ""
    return f"{100 * summary['mean']:.2f}{spread} %"


def _usage(name: str, reference: str, address: str | None, n_epochs: int, *, has_rows: bool) -> list[str]:
    """How to replay it, and, where the places in the source are known, how to use it without curate."""
    place = address or name
    lines = [f"    curate replay {in_shell(place)} --data {in_shell(reference)} --against full,random", ""]
    if address is None:
        return [*lines, f"    curate inspect {in_shell(name)}", ""]
    repository, _, revision = address.removeprefix("hf:").partition("@")
    owner, title, folder = repository.split("/")
    at = f"@{revision}" if revision else ""
    lines += [f"    curate pull {repository}{at}", ""]
    if not has_rows:
        return lines
    return [
        *lines,
        "Without curate: `row` is the place of a sample in the source, as torchvision and datasets count.",
        "",
        "```python",
        "import polars",
        "",
        f'place = "hf://datasets/{owner}/{title}{at}/{folder}"',
        *use_rows(n_epochs),
        "subset = torch.utils.data.Subset(dataset, rows)  # torch",
        "subset = dataset.select(rows)                    # datasets",
        "```",
        "",
    ]


def use_rows(n_epochs: int) -> list[str]:
    """Lines of Python that read the rows selected in an epoch from a `place`."""
    epoch = "" if n_epochs == 1 else ".filter(epoch=0)"
    return [
        f'kept = polars.read_parquet(f"{{place}}/selection.parquet"){epoch}',
        'samples = polars.read_parquet(f"{place}/samples.parquet", columns=["index", "row"])',
        'rows = kept.join(samples, on="index").filter(polars.col("row") >= 0)["row"].sort().to_list()',
    ]


def _class_table(classes: list[str], samples: Mapping[str, Any], n_epochs: int) -> list[str]:
    """Kept share per class, for up to 100 classes: of samples, or of presentations where epochs differ."""
    if "label" not in samples or not 0 < len(classes) <= 100:
        return []
    totals = np.bincount(samples["label"], minlength=len(classes)) * n_epochs
    chosen = np.bincount(samples["label"], samples["n_selected"], minlength=len(classes)).astype(np.int64)
    rows = [
        f"| {in_markdown(name)} | {total:,} | {count:,} | {count / total if total else 0:.1%} |"
        for name, total, count in zip(classes, totals, chosen, strict=True)
    ]
    what = "samples" if n_epochs == 1 else "presentations"
    return [f"| class | {what} | kept | share |", "|---|---|---|---|", *rows, ""]

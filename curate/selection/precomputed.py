"""What a policy takes from an earlier artifact: a score per sample, or the always group of a session.

Both are carried over by uid, so a re-ordered copy of the dataset serves, and another dataset does not.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.header import Header
from curate.artifacts.tables import open_table
from curate.data.identity import Uids, bring
from curate.errors import CurateError
from curate.manifests.manifest import open_manifest
from curate.selection.groups import FEWEST_CHECKPOINTS

GROUP = "group"
ALWAYS = "always"


def parents_of(policy_options: Mapping[str, Any]) -> dict[str, Header]:
    """The headers of the artifacts that a policy reads, by the name of its option."""
    parents: dict[str, Header] = {}
    if policy_options.get("manifest"):
        parents["manifest"] = open_manifest(policy_options["manifest"]).header
    if policy_options.get("scores"):
        parents["scores"] = open_table(policy_options["scores"]).header
    return parents


def check_earlier(policy_options: Mapping[str, Any], uids: Uids) -> None:
    """Refuse, before any training, an earlier artifact that says nothing of these samples."""
    if policy_options.get("scores"):
        hardness(policy_options["scores"], policy_options.get("column", ""), uids)
    elif "scores" in policy_options:
        hardness("", "", uids)


def hardness(table: str, column: str, uids: Uids) -> npt.NDArray[np.float32]:
    """A score of every sample, float32 `[n]`, scaled to 0..1 with 1 the hardest."""
    if not table:
        raise CurateError("this policy needs scores: use --from TABLE.parquet")
    opened = open_table(table)

    def complaint(missing: npt.NDArray[np.bool_]) -> str:
        return (
            f"{table} has no score for {int(missing.sum()):,} of the {len(missing):,} samples to train on: "
            "it is of another dataset; make scores of this one"
        )

    score = opened.hardness(column)[bring(uids, opened["uid"], complaint=complaint)]
    scaled: npt.NDArray[np.float32] = ((score - score.min()) / (np.ptp(score) or 1.0)).astype(np.float32)
    return scaled


def always_group(manifest: str, uids: Uids) -> npt.NDArray[np.bool_]:
    """Which samples, bool `[n]`, are in the always group of an earlier dynamic session."""
    if not manifest:
        raise CurateError("policy always-random needs an earlier session: use --from FOLDER")
    opened = open_manifest(manifest)
    samples = opened.samples
    if GROUP not in samples:
        raise CurateError(
            f"{manifest} has no always group: name the folder of a `curate train` with a policy and "
            f"{FEWEST_CHECKPOINTS} checkpoints or more"
        )
    in_group = samples[GROUP] == ALWAYS

    def complaint(missing: npt.NDArray[np.bool_]) -> str:
        return (
            f"{manifest} is of another dataset ({opened.header.dataset.reference}): {int(missing.sum()):,} "
            f"of its {int(in_group.sum()):,} always samples are not among those to train on"
        )

    rows = bring(samples["uid"], uids, in_group, complaint=complaint)
    always = np.zeros(len(uids), np.bool_)
    always[rows[in_group]] = True
    return always


def times_selected(manifest: str, uids: Uids) -> npt.NDArray[np.float32]:
    """How many checkpoints of an earlier session selected each sample, float32 `[n]`; 0 for a new one."""
    samples = open_manifest(manifest).samples
    counts = samples.get("n_checkpoints_selected", samples["n_selected"])
    order = np.argsort(samples["uid"], kind="stable")
    places = np.minimum(np.searchsorted(samples["uid"][order], uids), len(order) - 1)
    there = samples["uid"][order][places] == uids
    return np.where(there, counts[order][places], 0).astype(np.float32)

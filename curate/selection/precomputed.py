"""What a policy takes from an earlier artifact: a score per sample, or the always group of a session.

Both are carried over by uid, so a re-ordered copy of the dataset serves, and another dataset does not.
"""

import numpy as np
import numpy.typing as npt

from curate.artifacts.tables import open_table
from curate.data.identity import Uids, match
from curate.errors import CurateError, MismatchError
from curate.manifests.manifest import open_manifest
from curate.selection.strategy import hardness as ranked_by

GROUP = "group"
ALWAYS = "always"


def hardness(table: str, column: str, uids: Uids) -> npt.NDArray[np.float32]:
    """A score of every sample, float32 `[n]`, scaled to 0..1 with 1 the hardest."""
    if not table:
        raise CurateError("this policy needs scores: use --from TABLE.parquet")
    opened = open_table(table)
    score = ranked_by(opened, column)
    rows = match(uids, opened["uid"])
    if (rows < 0).any():
        raise MismatchError(
            f"{table} has no score for {int((rows < 0).sum()):,} of the {len(rows):,} samples to train on: "
            "it is of another dataset; make scores of this one"
        )
    found = score[rows]
    scaled: npt.NDArray[np.float32] = ((found - found.min()) / (np.ptp(found) or 1.0)).astype(np.float32)
    return scaled


def always_group(manifest: str, uids: Uids) -> npt.NDArray[np.bool_]:
    """Which samples, bool `[n]`, are in the always group of an earlier dynamic session."""
    if not manifest:
        raise CurateError("policy always-random needs an earlier session: use --from FOLDER")
    opened = open_manifest(manifest)
    samples = opened.samples
    if GROUP not in samples:
        raise CurateError(
            f"{manifest} has no always group: it is static; name the folder of a `curate train` with a policy"
        )
    rows = match(samples["uid"], uids)[samples[GROUP] == ALWAYS]
    if (rows < 0).any():
        raise MismatchError(
            f"{manifest} is of another dataset ({opened.header.dataset.reference}): "
            f"{int((rows < 0).sum()):,} of its {len(rows):,} always samples are not among those to train on"
        )
    always = np.zeros(len(uids), np.bool_)
    always[rows] = True
    return always

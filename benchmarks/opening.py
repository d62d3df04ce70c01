"""What opening a manifest costs: its hashes, reading its files, and one pass over what they say, once.

    python benchmarks/opening.py

The manifest is of 30 epochs of 18,000 of 60,000 samples, drawn anew in each, in the page cache; times are of
20 calls in a row.
"""

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from common import alternate, ratio, spread, write

from curate.artifacts.header import DatasetReference, make_header
from curate.artifacts.reading import open_parquet
from curate.artifacts.seal import file_sha256
from curate.manifests.content import check_content, check_content_once
from curate.manifests.manifest import SAMPLES, SELECTION, Selected, open_manifest, write_manifest

N, KEPT, EPOCHS, CALLS = 60_000, 18_000, 30, 20


def _repeated(way: Callable[[], object]) -> None:
    for _ in range(CALLS):
        way()


def main() -> None:
    """Time the ways in turn, and write the page."""
    chance = np.random.default_rng(0)
    dataset = DatasetReference("mnist", "train", N, [str(digit) for digit in range(10)], "0" * 64, n_rows=N)
    header = make_header("manifest", "train", {"policy": "random"}, seed=0, dataset=dataset)
    selected = [Selected(np.sort(chance.choice(N, KEPT, replace=False))) for _ in range(EPOCHS)]
    uids = chance.integers(0, 2**63, N).astype(np.uint64)
    samples = {"index": np.arange(N), "row": np.arange(N), "uid": uids, "label": np.arange(N) % 10}
    with tempfile.TemporaryDirectory() as name:
        os.environ["CURATE_CACHE"] = str(Path(name, "cache"))
        path = write_manifest(Path(name, "m"), header, selected, samples).path

        def read() -> None:
            selection = open_parquet(path / SELECTION)
            for epoch in range(EPOCHS):
                selection.read_row_group(epoch)
            open_parquet(path / SAMPLES).read()

        files = open_parquet(path / SELECTION), open_parquet(path / SAMPLES)
        sealed = open_manifest(path).header
        ways = {
            "hashes of its files": lambda: [file_sha256(path / file) for file in (SELECTION, SAMPLES)],
            "reading its files, nothing looked at": read,
            "the pass over what it says, for the first time": lambda: check_content(*files, sealed, path),
            "the pass, where it was done before": lambda: check_content_once(*files, sealed, path),
            "opening it again": lambda: open_manifest(path),
        }
        in_a_row = {what: partial(_repeated, way) for what, way in ways.items()}
        alternate(in_a_row, 1)
        seconds, _ = alternate(in_a_row, 10)
    hashes = seconds["hashes of its files"]
    lines = ["    python benchmarks/opening.py", "", "| what | ms | times the hashes |", "|---|---|---|"]
    for what, times in seconds.items():
        lines.append(
            f"| {what} | {spread([1000 * one / CALLS for one in times], 3)} | {ratio(times, hashes)} |"
        )
    write("opening", lines)


if __name__ == "__main__":
    main()

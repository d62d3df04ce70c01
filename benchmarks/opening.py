"""What opening a manifest costs: its hashes, reading its files, and one pass over what they say.

    python benchmarks/opening.py

The manifest is of 30 epochs of 18,000 of 60,000 samples, drawn anew in each, in the page cache.
"""

import tempfile
from pathlib import Path

import numpy as np
from common import alternate, ratio, spread, write

from curate.artifacts.header import DatasetReference, make_header
from curate.artifacts.reading import open_parquet
from curate.artifacts.seal import file_sha256
from curate.manifests.manifest import SAMPLES, SELECTION, Selected, open_manifest, write_manifest

N, KEPT, EPOCHS = 60_000, 18_000, 30


def main() -> None:
    """Time the ways in turn, and write the page."""
    chance = np.random.default_rng(0)
    dataset = DatasetReference("mnist", "train", N, [str(digit) for digit in range(10)], "0" * 64, n_rows=N)
    header = make_header("manifest", "train", {"policy": "random"}, seed=0, dataset=dataset)
    selected = [Selected(np.sort(chance.choice(N, KEPT, replace=False))) for _ in range(EPOCHS)]
    uids = chance.integers(0, 2**63, N).astype(np.uint64)
    samples = {"index": np.arange(N), "row": np.arange(N), "uid": uids, "label": np.arange(N) % 10}
    with tempfile.TemporaryDirectory() as name:
        path = write_manifest(Path(name, "m"), header, selected, samples).path

        def read() -> None:
            selection = open_parquet(path / SELECTION)
            for epoch in range(EPOCHS):
                selection.read_row_group(epoch)
            open_parquet(path / SAMPLES).read()

        ways = {
            "hashes of its files": lambda: [file_sha256(path / file) for file in (SELECTION, SAMPLES)],
            "reading its files, nothing looked at": read,
            "opening it: hashes, reading, and every number checked": lambda: open_manifest(path),
        }
        alternate(ways, 3)
        seconds, _ = alternate(ways, 30)
    hashes = seconds["hashes of its files"]
    lines = ["    python benchmarks/opening.py", "", "| what | ms | times the hashes |", "|---|---|---|"]
    for what, times in seconds.items():
        lines.append(f"| {what} | {spread([1000 * one for one in times], 1)} | {ratio(times, hashes)} |")
    write("opening", lines)


if __name__ == "__main__":
    main()

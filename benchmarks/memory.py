"""Memory of clustering an embedding larger than memory should hold: 10 million x 512 float32, 20 GB.

    python benchmarks/memory.py --folder FOLDER_WITH_21_GB_FREE

Writes random vectors around 64 centres, clusters them with the command's own function, and samples the
resident anonymous memory (what is not page cache) ten times a second.
"""

import argparse
import threading
import time
from pathlib import Path

import numpy as np
from common import write

DIM, K = 512, 64


def main() -> None:
    import curate
    from curate.artifacts.header import DatasetReference, make_header
    from curate.vectors.embedding import write_embedding

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", required=True)
    parser.add_argument("--rows", type=int, default=10_000_000)
    arguments = parser.parse_args()
    n, folder = arguments.rows, Path(arguments.folder)
    path, output = folder / "big.safetensors", folder / "big.parquet"
    uids = np.arange(n, dtype=np.uint64)
    dataset = DatasetReference("random", "all", n, [], "0" * 64)
    header = make_header("embedding", "embed", {}, seed=0, dataset=dataset)
    peak = _Peak()
    started = time.perf_counter()
    write_embedding(path, header, _vectors(n), DIM, uids, None, force=True)
    wrote = time.perf_counter() - started
    written_peak, gigabytes = peak.highest, path.stat().st_size / 1e9
    peak.highest = 0.0
    started = time.perf_counter()
    table = curate.cluster(path, K, output=output, force=True)
    clustered = time.perf_counter() - started
    peak.stop()
    path.unlink()
    output.unlink()
    lines = [
        "# Memory of clustering a large embedding",
        "",
        f"{n:,} x {DIM} float32 ({gigabytes:.1f} GB), k = {K}, 20 iterations, n = 1 run.",
        "",
        "| | peak resident memory beside the page cache, GB | seconds |",
        "|---|---|---|",
        f"| write the embedding | {written_peak:.2f} | {wrote:.0f} |",
        f"| cluster (verify, train on {table.header.summary['n_trained_on']:,}, assign all) "
        f"| {peak.highest:.2f} | {clustered:.0f} |",
        "",
        "`python benchmarks/memory.py --folder FOLDER`",
    ]
    write("memory", lines)


def _vectors(n: int):
    chance = np.random.default_rng(0)
    centres = chance.normal(size=(64, DIM)).astype(np.float32)
    noise = chance.normal(size=(20_000, DIM)).astype(np.float32)
    for start in range(0, n, len(noise)):
        count = min(len(noise), n - start)
        yield (
            centres[chance.integers(0, 64, count)] + np.roll(noise, int(chance.integers(DIM)), axis=1)[:count]
        )


class _Peak:
    """The highest RssAnon seen, in GB."""

    def __init__(self) -> None:
        self.highest, self._stopped = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stopped.wait(0.1):
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("RssAnon"):
                    self.highest = max(self.highest, int(line.split()[1]) * 1024 / 1e9)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


if __name__ == "__main__":
    main()

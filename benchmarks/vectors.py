"""Vectors that are larger than memory, from shards of somebody else's to manifests: time and memory.

    python benchmarks/vectors.py --folder FOLDER_WITH_32_GB_FREE

Writes 10 million vectors of 512 numbers as float16 shards (`.npy`, 10 GB): around 1,000 centres of unequal
size, one in a hundred a near-duplicate of another. Then the commands, each a process of its own, whose memory
beside the page cache is looked at ten times a second. How many of the near-duplicates are found is told as
well.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import watched, write

_SHARD = 500_000
_CENTRES = 1000


def main() -> None:
    """Make the shards, run the commands, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("-k", type=int, default=_CENTRES)
    asked = parser.parse_args()
    n, folder = asked.rows, asked.folder
    folder.mkdir(parents=True, exist_ok=True)
    shards = folder / "vectors"
    copies = make(shards, n, asked.dim)
    size = sum(file.stat().st_size for file in shards.iterdir())
    lines = [
        f"    python benchmarks/vectors.py --folder FOLDER --rows {n} --dim {asked.dim} -k {asked.k}",
        "",
        f"{n:,} vectors of {asked.dim} numbers in {len(list(shards.iterdir()))} shards of float16, "
        f"{size / 1e9:.1f} GB. One run of each command; the first works out uids, which the cache keeps.",
        "",
        "| command | seconds | peak memory beside the page cache, MB |",
        "|---|---|---|",
    ]
    with tempfile.TemporaryDirectory(dir=folder) as own:
        made = Path(own)
        table, near = made / "clusters.parquet", made / "duplicates.parquet"
        few = ["-k", 10, "--iterations", 1, "--relocate", 0]
        commands = {
            f"cluster vectors/ -k {asked.k}": ["cluster", shards, "-k", asked.k, "-o", table],
            "cluster vectors/ -k 10, one iteration": ["cluster", shards, *few, "-o", made / "few.parquet"],
            "score vectors/ --method duplicate": ["score", shards, "--method", "duplicate", "-o", near],
            "select clusters.parquet --strategy furthest --keep 0.3": [
                *["select", table, "--strategy", "furthest", "--keep", 0.3, "-o", made / "far"]
            ],
            "select duplicates.parquet --keep 0.99": ["select", near, "--keep", 0.99, "-o", made / "unlike"],
            "inspect the manifest": ["inspect", made / "unlike"],
        }
        for name, words in commands.items():
            seconds, megabytes = watched(
                [sys.executable, "-m", "curate", *map(str, words)],
                {"CURATE_CACHE": str(made / "cache"), "TMPDIR": str(folder)},
            )
            lines.append(f"| {name} | {seconds:,.0f} | {megabytes:,.0f} |")
            print(lines[-1], flush=True)
        group = _groups(near)
        found = float((group[copies[:, 0]] == group[copies[:, 1]]).mean())
    lines += [
        "",
        f"Of {len(copies):,} near-duplicates (cosine of 0.98 or more) {found:.2%} are in the group of what "
        "they are copies of: the others lie in another cluster.",
    ]
    write("vectors", lines)


def make(folder: Path, n: int, dim: int) -> np.ndarray:
    """Shards of vectors, made once; returns the pairs of a near-duplicate and its original, `[m, 2]`."""
    done = folder.parent / f"copies-{n}-{dim}.npy"
    if done.exists():
        return np.load(done)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    chance = np.random.default_rng(0)
    centres = chance.normal(size=(_CENTRES, dim)).astype(np.float32)
    share = chance.exponential(size=_CENTRES)
    pairs = []
    n_shards = -(-n // _SHARD)
    for number in range(n_shards):
        rows = min(_SHARD, n - number * _SHARD)
        of = chance.choice(_CENTRES, rows, p=share / share.sum())
        vectors = chance.standard_normal((rows, dim), np.float32) * np.float32(0.7) + centres[of]
        copied = chance.choice(rows, (rows // 100, 2), replace=False)  # near-duplicates within the shard
        near = chance.standard_normal((len(copied), dim), np.float32) * np.float32(0.1)
        vectors[copied[:, 0]] = vectors[copied[:, 1]] + near
        pairs.append(copied + number * _SHARD)
        np.save(folder / f"part-{number:05}-of-{n_shards:05}.npy", vectors.astype(np.float16))
    np.save(done, np.concatenate(pairs))
    return np.load(done)


def _groups(table: Path) -> np.ndarray:
    import polars

    return polars.read_parquet(table, columns=["duplicate_group"])["duplicate_group"].to_numpy()


if __name__ == "__main__":
    began = time.monotonic()
    main()
    print(f"{time.monotonic() - began:.0f} s in all")

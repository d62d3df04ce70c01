"""Selecting from a hundred million rows: seconds, and bytes a row beside the table.

    python benchmarks/rows.py --folder FOLDER [--rows 100000000]

Writes a table of clusters (index, row, uid, label of 1,000 unequal classes, cluster, distance) and one of
scores with many ties, then selects from each, every command a process of its own whose anonymous memory is
looked at ten times a second. A table has 36 to 40 bytes a row in memory.
"""

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np
from common import watched, write

_CLASSES, _CLUSTERS = 1000, 40_000


def main() -> None:
    """Make the tables, select, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=100_000_000)
    asked = parser.parse_args()
    n = asked.rows
    asked.folder.mkdir(parents=True, exist_ok=True)
    sizes = {name: make(asked.folder / f"{name}.parquet", name, n) for name in ("clusters", "scores")}
    ways = {
        "clusters: furthest, keep 0.3": ("clusters", ["--strategy", "furthest", "--keep", 0.3]),
        "scores: top, keep 0.3": ("scores", ["--keep", 0.3]),
        "scores: top, keep 0.3, class floor 0.5": ("scores", ["--keep", 0.3, "--class-floor", 0.5]),
    }
    lines = [
        f"    python benchmarks/rows.py --folder FOLDER --rows {n}",
        "",
        f"{n:,} rows, one run of each.",
        "",
        "| selection | seconds | peak memory, MB | bytes a row beside the table | manifest, MB |",
        "|---|---|---|---|---|",
    ]
    for name, (table, words) in ways.items():
        place, output = asked.folder / f"{table}.parquet", asked.folder / "made"
        shutil.rmtree(output, ignore_errors=True)
        own = {"CURATE_CACHE": str(asked.folder / "cache")}
        command = [sys.executable, "-m", "curate", "select", str(place), *map(str, words), "-o", str(output)]
        seconds, megabytes = watched(command, own)
        beside = megabytes * 2**20 / n - sizes[table]
        on_disk = sum(file.stat().st_size for file in output.iterdir()) / 1e6
        lines.append(f"| {name} | {seconds:,.0f} | {megabytes:,.0f} | {beside:.1f} | {on_disk:,.0f} |")
        print(lines[-1], flush=True)
    seconds, megabytes = watched([sys.executable, "-m", "curate", "inspect", str(output)], own)
    lines += ["", f"`inspect` of the last, opened and checked: {seconds:,.0f} s, {megabytes:,.0f} MB."]
    write("rows", lines)


def make(path: Path, kind: str, n: int) -> int:
    """Write a table, unless it is there; the bytes that a row of it has in memory."""
    import pyarrow.parquet as pq

    from curate.artifacts.header import DatasetReference, RankingColumn, make_header
    from curate.artifacts.tables import sample_columns, write_table

    if path.exists() and pq.read_metadata(path).num_rows == n:
        return {"clusters": 40, "scores": 36}[kind]
    chance = np.random.default_rng(0)
    share = chance.exponential(size=_CLASSES)
    labels = np.searchsorted(np.cumsum(share / share.sum()), chance.random(n, np.float32)).astype(np.int64)
    np.minimum(labels, _CLASSES - 1, out=labels)
    uids = chance.integers(0, 2**64, n, dtype=np.uint64)
    columns = sample_columns(uids, np.arange(n), labels)
    if kind == "clusters":
        columns["cluster"] = chance.integers(0, _CLUSTERS, n, dtype=np.int32)
        columns["distance"] = chance.random(n, np.float32)
    else:
        columns["score"] = chance.binomial(20, 0.1, n).astype(np.float32)
    about = {"clusters": "distance", "scores": "score"}[kind]
    summary = dict.fromkeys(("n_trained_on", "n_empty", "n_tiny", "largest"), 0)
    dataset = DatasetReference("drawn", "all", n, [str(one) for one in range(_CLASSES)], "0" * 64, n_rows=n)
    header = make_header(
        kind,
        {"clusters": "cluster", "scores": "score"}[kind],
        {},
        seed=0,
        dataset=dataset,
        summary={**summary, "k": _CLUSTERS, "objective": 0.0, "history": []} if kind == "clusters" else {},
        columns={about: RankingColumn("high")},
    )
    write_table(path, header, columns, force=True)
    return sum(column.dtype.itemsize for column in columns.values())


if __name__ == "__main__":
    main()

"""Kills of ranks: SIGKILL to one of two or three at a random moment, and the same command again.

    python benchmarks/rank_kills.py [--kills 100]

The others have to end within a minute, and one of all says why, or the command was done already. What the
same command then writes is held to what undisturbed ranks wrote.
"""

import argparse
import contextlib
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import spread, write

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from helpers.forks import Forks, curate_modules
from helpers.ranks import codes, errors, together

from curate.artifacts.results import read_results
from curate.artifacts.tables import open_table
from curate.manifests.manifest import open_manifest
from curate.vectors.opening import open_embedding

MINUTE = 60
TRAINED = ["--epochs", 4, "--set", "width=2"]
NEAR = ["--method", "duplicate", "--set", "within=clusters"]
COMMANDS = {
    "embed": ["embed", "digits", "--dim", 8, "-o", "out.safetensors"],
    "embed in shards": ["embed", "digits", "--dim", 8, "--shard-size", 50, "-o", "out"],
    "cluster": ["cluster", "v.safetensors", "-k", 50, "-o", "out.parquet"],
    "score": ["score", "digits", "--models", 3, *TRAINED, "--one-by-one", "-o", "out.parquet"],
    "score, a model by all": ["score", "digits", "--models", 1, "--seed", 1, *TRAINED, "-o", "out.parquet"],
    "score, near-duplicates": ["score", "v.safetensors", *NEAR, "-o", "out.parquet"],
    "train": ["train", "digits", "--policy", "ema", "--keep", 0.5, *TRAINED, "-o", "out"],
    "replay": ["replay", "m", "--trials", 4, *TRAINED, "-o", "out.parquet"],
}


def main() -> None:
    """Kill as often as asked, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    asked = parser.parse_args()
    found: dict[str, list[tuple[str, float]]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as name, contextlib.closing(_forks(Path(name))) as forks:
        place = Path(name)
        good = {command: _undisturbed(forks, place / f"good {command}", command) for command in COMMANDS}
        for number in range(asked.kills):
            command = list(COMMANDS)[number % len(COMMANDS)]
            found[command].append(_killed(forks, place / str(number), command, number, *good[command]))
            print(number, command, *found[command][-1], flush=True)
            shutil.rmtree(place / str(number))
    lines = [
        f"    python benchmarks/rank_kills.py --kills {asked.kills}",
        "",
        "| command | kills | of these after its end | the others ended after, s | not in order |",
        "|---|---|---|---|---|",
    ]
    for command, all_ in found.items():
        wrong = "; ".join(what for what, _ in all_ if what not in ("", "ended before")) or "none"
        n_late = sum(what == "ended before" for what, _ in all_)
        seconds = spread([took for what, took in all_ if what != "ended before"] or [0.0])
        lines.append(f"| {command} | {len(all_)} | {n_late} | {seconds} | {wrong[:200]} |")
    write("rank_kills", lines)


def _forks(folder: Path) -> Forks:
    (folder / "forks").mkdir()
    return Forks(folder / "forks", curate_modules())


def _prepared(forks: Forks, folder: Path) -> None:
    """What commands start from."""
    folder.mkdir()
    for words in (
        ["embed", "digits", "--dim", 8, "-o", "v.safetensors"],
        ["cluster", "v.safetensors", "-k", 10, "-o", "c.parquet"],
        ["select", "c.parquet", "--keep", 0.3, "-o", "m"],
    ):
        assert codes(together(forks, 1, words, folder)) == [0]


def _undisturbed(forks: Forks, folder: Path, command: str) -> tuple[object, float]:
    """What two ranks write, and how long they take."""
    _prepared(forks, folder)
    began = time.monotonic()
    ranks = together(forks, 2, COMMANDS[command], folder)
    assert codes(ranks) == [0, 0], errors(ranks)
    return _written(folder, command), time.monotonic() - began


def _killed(
    forks: Forks, folder: Path, command: str, number: int, expected: object, seconds: float
) -> tuple[str, float]:
    """Kill a rank; what was not in order after that, and how long the others took to end."""
    chance = random.Random(number)
    _prepared(forks, folder)
    size = chance.choice([2, 3])
    ranks = together(forks, size, COMMANDS[command], folder)
    time.sleep(chance.uniform(0.1, 1) * seconds)
    victim = chance.randrange(size)
    ended = ranks[victim].wait(0) is not None
    if not ended:
        ranks[victim].kill()
    began = time.monotonic()
    others = [code for place, code in enumerate(codes(ranks, MINUTE)) if place != victim]
    took = time.monotonic() - began
    if None in others:
        return "a rank went on for a minute", took
    if len(errors(ranks)) > 1:
        return f"{len(errors(ranks))} said why: {errors(ranks)}", took
    if not ended and not errors(ranks) and any(others):
        return "nobody said why", took
    again = together(forks, size, COMMANDS[command], folder)
    if codes(again, 2 * MINUTE) != [0] * size:
        return f"again: {errors(again)}", took
    if not _same(_written(folder, command), expected):
        return "something else was written", took
    left = [path.name for path in folder.iterdir() if ".unfinished" in path.name or path.name[0] == "."]
    return f"left {left}" if left else "ended before" if ended else "", took


def _written(folder: Path, command: str) -> object:
    """What a command wrote, as numbers."""
    if command.startswith("embed"):
        opened = open_embedding(folder / COMMANDS[command][-1])
        return opened.read(0, opened.n)
    if command.startswith(("cluster", "score")):
        columns = open_table(folder / "out.parquet").columns
        return np.stack([np.asarray(columns[name], np.float64) for name in columns if name != "uid"])
    if command == "train":
        manifest = open_manifest(folder / "out")
        return np.concatenate([manifest.selected(epoch).indices for epoch in range(manifest.n_epochs)])
    return sorted((row.key, row.weights_sha256) for row in read_results(folder / "out.parquet"))


def _same(one: object, other: object) -> bool:
    """Up to the rounding that ranks may differ in."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and bool(np.allclose(one, other, atol=1e-4))
    return one == other


if __name__ == "__main__":
    main()

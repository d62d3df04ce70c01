"""Commands that write something, small enough to be run some hundred times, and what each of them writes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from helpers.hub_publishing import PublishingHub

TOKEN, REPOSITORY = "hf_for_trials", "ann/subsets"
RECIPE = """
title = "A few steps"
[every.train]
epochs = 2
trials = 1
set = {width = 2}
[every.replay]
epochs = 2
trials = 1
set = {width = 2}
[vectors]
embed = "digits"
dim = 4
[clusters]
cluster = "vectors"
k = 5
[selected]
select = "clusters"
strategy = "furthest"
keep = 0.3
[static]
replay = "selected"
"""
TIMED = (  # files that note seconds: they have to be there, and differ
    *("s.parquet", "r.parquet", "t-trials.parquet", "metrics.parquet", "tiny.parquet", "results.parquet"),
    *("done.json", "d.parquet"),
)


@dataclass(frozen=True)
class Command:
    """Its words, what it writes into the folder where it runs, and whether it talks to a Hub."""

    words: str
    writes: tuple[str, ...]
    hub: bool = False


COMMANDS = {  # each with what it needs from those before it
    "embed": Command("embed digits --dim 8 -o e.safetensors", ("e.safetensors",)),
    "embed --shard-size": Command("embed digits --dim 8 --shard-size 200 -o v", ("v",)),
    "pack": Command("pack digits -o p.safetensors", ("p.safetensors",)),
    "cluster": Command("cluster e.safetensors -k 7 -o c.parquet", ("c.parquet",)),
    "select": Command("select c.parquet --strategy furthest --keep 0.3 -o m", ("m",)),
    "score": Command("score digits --models 1 --epochs 2 --set width=2 -o s.parquet", ("s.parquet",)),
    "score of vectors": Command("score e.safetensors --method duplicate -o d.parquet", ("d.parquet",)),
    "train": Command("train digits --policy ema --keep 0.3 --epochs 4 --set width=2 -o run", ("run",)),
    "cluster and select": Command(
        "cluster e.safetensors -k 5 --strategy top -o both", ("both", "both.parquet")
    ),
    "compare": Command("compare m both --union -o union", ("union",)),
    "replay": Command("replay m --epochs 2 --trials 2 --set width=2 -o r.parquet", ("r.parquet",)),
    "train --trials": Command(
        "train digits --epochs 2 --set width=2 --trials 2 -o t", ("t-seed-0", "t-seed-1", "t-trials.parquet")
    ),
    "export": Command("export m --to npy -o x.npy", ("x.npy",)),
    "inspect": Command("inspect c.parquet --sheet sheet.png --html page.html", ("sheet.png", "page.html")),
    "report": Command("report r.parquet -o report", ("report",)),
    "run": Command("run tiny.toml -o tiny.parquet", ("tiny.parquet", "curate-store")),
    "push": Command(f"push m {REPOSITORY} --name m", (), hub=True),
    "pull": Command(f"pull {REPOSITORY} -o pulled", ("pulled",), hub=True),
}


def environment(place: Path, hub: PublishingHub | None) -> dict[str, str]:
    """A user's own cache and Hub, and one thread."""
    own = {"OMP_NUM_THREADS": "1", "CURATE_CACHE": str(place / "cache"), "HF_HOME": str(place / "hf")}
    own |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"}
    if hub is not None:
        own |= {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0"}
    return {**os.environ, **own}


def run(
    name: str, place: Path, around: tuple[str, ...] = (), hub: PublishingHub | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in a folder; `around` are the words of a command that starts it."""
    words = [*around, sys.executable, "-m", "curate", *COMMANDS[name].words.split()]
    own = environment(place.parent / f"{place.name}-home", hub)
    return subprocess.run(words, cwd=place, capture_output=True, text=True, check=False, env=own)


@contextmanager
def hub_for(name: str, good: Path) -> Iterator[PublishingHub | None]:
    """The Hub that a command talks to, where it does: empty, or with the manifest `m` of a folder in it."""
    if not COMMANDS[name].hub:
        yield None
        return
    with PublishingHub(TOKEN) as server:
        if name == "pull":
            server.made(REPOSITORY, {f"m/{file.name}": file.read_bytes() for file in (good / "m").iterdir()})
        yield server


def prepare(name: str, good: Path, place: Path) -> None:
    """Put what was written before a command into a new folder, beside the recipe."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "tiny.toml").write_text(RECIPE)
    for earlier in list(COMMANDS)[: list(COMMANDS).index(name)]:
        if earlier != "run":  # nothing is made of its store
            for written in COMMANDS[earlier].writes:
                copied = shutil.copytree if (good / written).is_dir() else shutil.copy
                copied(good / written, place / written)


def differs(name: str, good: Path, place: Path) -> str:
    """What a command wrote in a folder that it did not write in the other; empty where all is the same."""
    for written in COMMANDS[name].writes:
        top = good / written
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            mine = place / path.relative_to(good)
            if path.is_dir() or path.name == "lock":
                continue
            if not mine.is_file():
                return f"{mine.name} is missing"
            if path.name not in TIMED and mine.read_bytes() != path.read_bytes():
                return f"{mine.name} differs"
    left = [path.name for path in place.rglob("*") if path.name.endswith((".tmp", ".unfinished"))]
    return f"left {left}" if left else ""


def pushed(hub: PublishingHub | None) -> Mapping[str, bytes]:
    """What lies in the repository of a Hub; nothing where there is none."""
    there = None if hub is None else hub.repositories.get(REPOSITORY)
    return there.files if there and there.commits else {}

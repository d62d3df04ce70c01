"""Kills: SIGKILL to a fresh process of every command at a random moment, and the same command again.

What it wrote in the end is held to what an undisturbed run wrote, byte for byte but for seconds.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from commands import COMMANDS, differs, environment, hub_for, prepare, pushed, run
from helpers.hub_publishing import PublishingHub


@dataclass(frozen=True)
class Good:
    """A folder where every command ran undisturbed, the seconds that each took, and what it pushed."""

    folder: Path
    seconds: Mapping[str, float]
    pushed: Mapping[str, bytes]


def undisturbed(folder: Path) -> Good:
    """Run every command once."""
    prepare("embed", folder, folder)
    seconds, sent = {}, {}
    for name in COMMANDS:
        with hub_for(name, folder) as hub:
            began = time.monotonic()
            done = run(name, folder, hub=hub)
            assert done.returncode == 0, (name, done.stderr)
            seconds[name] = time.monotonic() - began
            sent = dict(pushed(hub)) if name == "push" else sent
    return Good(folder, seconds, sent)


def kills(n: int) -> list[tuple[str, int, str, str]]:
    """So many kills, as many of each command, each of a process of its own."""
    if n == 0:
        return []
    with tempfile.TemporaryDirectory() as name:
        good = undisturbed(Path(name, "good"))
        each = -(-n // len(COMMANDS))
        jobs = [(command, number) for number in range(each) for command in COMMANDS]
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda job: _kill(*job, good, Path(name)), jobs))
    bad = [line for line in found if line not in ("killed", "ended before")]
    told = f"{found.count('killed'):,} killed before their end; all complete when run again"
    row = (
        f"fresh processes of {len(COMMANDS)} commands killed at a random moment",
        len(found),
        told,
        "; ".join(bad)[:300],
    )
    print(row, flush=True)
    return [row]


def _kill(name: str, number: int, good: Good, folder: Path) -> str:
    """Kill a command once or twice, run it to its end, and hold what it wrote to what it should have."""
    chance = random.Random(f"{name} {number}")
    place = folder / f"{name} {number}"
    prepare(name, good.folder, place)
    with hub_for(name, good.folder) as hub:
        ended = True
        for _ in range(chance.choice([1, 1, 2])):
            ended &= not _killed(name, place, hub, chance.uniform(0.05, 1.0) * good.seconds[name])
        for left in place.rglob(".*.tmp"):
            os.utime(left, (0, 0))  # as if it had been started again a while later
        done = run(name, place, hub=hub)
        if done.returncode:
            return f"{name} {number}: {done.stderr.strip().splitlines()[-1]}"
        if name == "push" and pushed(hub) != good.pushed:
            return f"{name} {number}: something else was pushed"
    what = differs(name, good.folder, place)
    return f"{name} {number}: {what}" if what else "ended before" if ended else "killed"


def _killed(name: str, place: Path, hub: PublishingHub | None, after_seconds: float) -> bool:
    """Start a command and kill it; whether it was still at work."""
    words = [sys.executable, "-m", "curate", *COMMANDS[name].words.split()]
    own = environment(place.parent / f"{place.name}-home", hub)
    running = subprocess.Popen(
        words, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=own
    )
    try:
        running.wait(after_seconds)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()
        return True
    return False

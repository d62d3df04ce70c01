"""What altered and forged files, kills, hostile Hubs and full disks do: nothing silent, lost or without end.

    python benchmarks/reliability.py --altered 10000 --forged 2000 --kills 300 --hub 100

The parts are in `kills.py` and `places.py`, and in `tests/fuzz`.
"""

import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
os.environ.setdefault("OMP_NUM_THREADS", "1")

from common import peak_mb, write
from fuzz.fuzzing import FORGEABLE, tries, workshop
from kills import kills
from places import places


def main() -> None:
    """Run the parts that are asked for, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, usual in (("altered", 10_000), ("forged", 2_000), ("kills", 300), ("hub", 100)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    asked = parser.parse_args()
    rows = [*files(asked.altered, asked.forged), *kills(asked.kills), *hostile(asked.hub), *places()]
    head = ["| tried | times | in order | not in order |", "|---|---|---|---|"]
    lines = [f"| {what} | {n:,} | {told} | {bad or 'none'} |" for what, n, told, bad in rows]
    command = f"--altered {asked.altered} --forged {asked.forged} --kills {asked.kills} --hub {asked.hub}"
    write("reliability", [f"    python benchmarks/reliability.py {command}", "", *head, *lines])


def files(n_altered: int, n_forged: int) -> list[tuple[str, int, str, str]]:
    """Altered and forged files, as many of each kind; each kind in a process of its own, which made none."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        os.environ["CURATE_CACHE"] = str(Path(name, "cache"))
        made = workshop(Path(name))
        for forge, n in ((False, n_altered), (True, n_forged)):
            kinds = FORGEABLE if forge else tuple(made)
            numbers = range(10**6, 10**6 + -(-n // len(kinds)))
            with ThreadPoolExecutor(2) as pool:
                parts = list(pool.map(partial(_in_a_process, made, forge=forge, numbers=numbers), kinds))
            counts: collections.Counter[str] = sum((part[0] for part in parts), collections.Counter())
            bad = [line for part in parts for line in part[1]]
            most = max(part[2] for part in parts)
            told = f"{counts['refused']:,} refused, {counts['opened']:,} opened; {most:.0f} MB at most"
            what = "files sealed again after a change" if forge else "files altered in one place"
            rows.append((what, sum(counts.values()) + len(bad), told, "; ".join(bad)[:300]))
            print(rows[-1], flush=True)
    return rows


def _in_a_process(
    made: Mapping[str, Path], kind: str, *, forge: bool, numbers: range
) -> tuple[Any, list[str], float]:
    """Tries in a process of their own: counts, what was not in order, and the most memory in MB."""
    words = [sys.executable, __file__, "--tries", kind, str(numbers.start), str(numbers.stop)]
    paths = json.dumps({name: str(path) for name, path in made.items()})
    done = subprocess.run([*words, str(int(forge)), paths], capture_output=True, text=True, check=False)
    if done.returncode:
        return collections.Counter(), [f"a process ended with {done.returncode}: {done.stderr[-200:]}"], 0.0
    *lines, counts, most = done.stdout.splitlines()
    refused, opened = map(int, counts.split())
    return collections.Counter(refused=refused, opened=opened), [line for line in lines if line], float(most)


def _tries(kind: str, first: str, last: str, forge: str, paths: str) -> None:
    made = {name: Path(path) for name, path in json.loads(paths).items()}
    with tempfile.TemporaryDirectory() as name:
        found = tries((kind,), range(int(first), int(last)), made, Path(name), bool(int(forge)))
    for one in found:
        if one.bad:
            print(f"{one.kind} {one.number}: {one.said}")
    good = [one for one in found if not one.bad]
    refused = sum(one.said.startswith("refused") for one in good)
    print(refused, len(good) - refused)
    print(peak_mb())


def hostile(n: int) -> list[tuple[str, int, str, str]]:
    """Answers of hostile Hubs, one after another, with the patience that users have."""
    if n == 0:
        return []
    from helpers.hub_desk import made
    from helpers.hub_hostile import ABOUT, FILE, LISTING, HostileHub

    kinds = {"about": ABOUT, "listing": LISTING, "file": FILE}
    cases = [(kind, name) for kind, names in kinds.items() for name in names]
    bad, longest, counted = [], 0.0, 0
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(8) as pool:
        folder = made(Path(name, "mine"))
        files = {f"mine/{file.name}": file.read_bytes() for file in folder.iterdir()}

        def one(number: int) -> tuple[str, float]:
            kind, what = cases[number % len(cases)]
            place = Path(tempfile.mkdtemp(dir=name))
            with HostileHub({"ann/subsets": {"main": files}}, kind, what) as server:
                own = {"HF_ENDPOINT": server.url, "HF_HOME": str(place / "hf"), "HF_HUB_OFFLINE": "0"}
                own |= {"CURATE_CACHE": str(place / "cache"), "HF_HUB_DISABLE_XET": "1"}
                began = time.monotonic()
                done = subprocess.run(
                    [sys.executable, "-m", "curate", "pull", "ann/subsets", "-o", "out"],
                    cwd=place, capture_output=True, text=True, check=False, env={**os.environ, **own},
                )  # fmt: skip
                took = time.monotonic() - began
            line = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
            written = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
            is_so = done.returncode == 2 and "unexpected" not in line and took < 60 and written < 2e6
            return (
                "" if is_so else f"{kind}, {what}: {done.returncode} after {took:.0f} s, {line[:100]}"
            ), took

        for said, took in pool.map(one, range(n)):
            counted += 1
            longest = max(longest, took)
            bad += [said] if said else []
    told = f"{counted - len(bad):,} refused in one line; {longest:.0f} s at most"
    row = ("answers of a Hub that is none, or means harm", counted, told, "; ".join(bad)[:300])
    print(row, flush=True)
    return [row]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--tries"]:
        _tries(*sys.argv[2:])
    else:
        main()

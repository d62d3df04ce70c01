"""Places that cannot be written to: a disk that is full, a disk that is read-only, a folder of somebody else.

A full and a read-only disk are a tmpfs in a mount namespace of its own; in a folder of somebody else the
command runs without the rights of root. It has to end in one line, and where there is room again, in the
output that it writes anywhere.
"""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from commands import COMMANDS, differs, environment, hub_for, prepare, run
from helpers.hub_publishing import PublishingHub
from kills import Good, undisturbed

ROOMS_KIB = (0, 16, 64)  # what a full disk still takes
NOBODY = 65534
WHERE = {
    "full": "a disk that is full",
    "read-only": "a disk that is read-only",
    "another's": "a folder of somebody else, without the rights of root",
}

Done = subprocess.CompletedProcess[str]

_DISK = """
set -e
where=$1 place=$2 room=$3; shift 3
mkdir "$place-disk"
mount -t tmpfs -o size=64m tmpfs "$place-disk"
cd "$place-disk"
cp -a "$place"/. .
if [ "$where" = full ]; then
  head -c 100M /dev/zero > filler 2> /dev/null || true
  truncate -s "-${room}K" filler
else
  mount -o remount,ro "$place-disk"
fi
code=0; "$@" > /dev/null 2> "$place-said" || code=$?
if [ "$where" = full ]; then rm filler; else mount -o remount,rw "$place-disk"; fi
find . -name '.*.tmp' -exec touch -d @0 {} +
"$@" > /dev/null 2> "$place-said-then" || echo "$?" > "$place-code-then"
cp -a . "$place"
exit $code
"""


def places() -> list[tuple[str, int, str, str]]:
    """Every command in every such place."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        good = undisturbed(folder / "good")
        wheres = [f"full {room}" for room in ROOMS_KIB] + ["read-only", "another's"]
        jobs = [(command, where) for command in COMMANDS if COMMANDS[command].writes for where in wheres]
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda job: _try(*job, good, folder), jobs))
    rows = []
    for kinds, what in WHERE.items():
        mine = [said for (_, where), said in zip(jobs, found, strict=True) if where.startswith(kinds)]
        bad = [said for said in mine if said not in ("refused", "fitted")]
        told = f"{mine.count('refused'):,} refused in one line, {mine.count('fitted'):,} fitted; nothing lost"
        rows.append((what, len(mine), told, "; ".join(bad)[:300]))
        print(rows[-1], flush=True)
    return rows


def _try(name: str, where: str, good: Good, folder: Path) -> str:
    """Run a command in such a place, then make room and run it again."""
    place = folder / f"{name} {where}"
    prepare(name, good.folder, place)
    with hub_for(name, good.folder) as hub:
        first, then = (_anothers if where == "another's" else _disk)(name, where, place, hub)
    label, said = f"{name}, {where}: ", first.stderr.strip().splitlines()
    n_errors = sum(line.startswith("error: ") for line in said)
    is_one_line = first.returncode in (0, 2) and n_errors == (first.returncode == 2)
    if not is_one_line or "unexpected" in first.stderr or "Traceback" in first.stderr:
        return f"{label}{first.returncode}, {said[-1:]}"
    if then.returncode:
        return f"{label}then {then.stderr.strip().splitlines()[-1:]}"
    what = differs(name, good.folder, place)
    return f"{label}{what}" if what else "refused" if first.returncode else "fitted"


def _anothers(name: str, _: str, place: Path, hub: PublishingHub | None) -> tuple[Done, Done]:
    """Run a command in a folder that is not the user's, and again where it is."""
    is_root = os.geteuid() == 0
    os.chown(place, NOBODY, NOBODY) if is_root else place.chmod(0o555)
    without = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if is_root else ()
    first = run(name, place, without, hub)
    os.chown(place, 0, 0) if is_root else place.chmod(0o755)
    return first, run(name, place, (), hub)


def _disk(name: str, where: str, place: Path, hub: PublishingHub | None) -> tuple[Done, Done]:
    """Run a command on a disk that takes nothing, or next to nothing, and again when it takes all."""
    kind, _, room = where.partition(" ")
    own = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    words = ["unshare", "--mount", *own, "sh", "-c", _DISK, "sh", kind, str(place), room or "0"]
    words += [sys.executable, "-m", "curate", *COMMANDS[name].words.split()]
    home = environment(place.parent / f"{place.name}-home", hub)
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=home)
    said, then = (Path(f"{place}-said{more}") for more in ("", "-then"))
    code = Path(f"{place}-code-then")
    if not then.exists():
        raise RuntimeError(f"no such disk could be made: {done.stderr}")
    again = Done([], int(code.read_text()) if code.exists() else 0, "", then.read_text())
    return Done([], done.returncode, "", said.read_text()), again

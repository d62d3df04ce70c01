"""Any number of tries by hand: python tests/fuzz/run.py --tries 200 [--kind table] [--first 17] [--forged]"""

import argparse
import collections
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ.setdefault("OMP_NUM_THREADS", "1")

from fuzz.fuzzing import FORGEABLE, tries, workshop


def main() -> int:
    """Print what is not in order, and how many of what; the exit code is 1 where anything was not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=100, help="of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first try")
    parser.add_argument("--kind", action="append", help="by default every kind")
    parser.add_argument("--forged", action="store_true", help="sealed again, in place of altered")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["CURATE_CACHE"] = str(folder / "cache")
        os.chdir(folder)
        made = workshop(folder)
        kinds = tuple(asked.kind or (FORGEABLE if asked.forged else made))
        numbers = range(asked.first, asked.first + asked.tries)
        found = tries(kinds, numbers, made, folder, asked.forged)
    for kind in kinds:
        of_kind = [one for one in found if one.kind == kind]
        counts = collections.Counter("bad" if one.bad else one.said.partition(":")[0] for one in of_kind)
        print(f"{kind}: {', '.join(f'{count} {what}' for what, count in sorted(counts.items()))}")
    bad = [one for one in found if one.bad]
    for one in bad:
        print(f"{one.kind} {one.number}{' forged' if one.forged else ''}: {one.said}")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())

"""Everything that needs a GPU, in stages by worth: as far as the time goes, and on from there the next time.

    python benchmarks/gpu_carry.py --data DATA/cifar10   # at home: what has to be brought along, in .carry
    python benchmarks/gpu.py --minutes 8                 # there: the stages; --list says what is left of each
    python benchmarks/gpu.py --pages                     # at home again: results/gpu.jsonl and gpu.md

It runs from a checkout that nobody installed, with torch, torchvision and what .carry holds. Every result
is a line of `OUT/gpu.jsonl` with the name of the card, as soon as it is there; `OUT` is .carry/out, or what
`--out` names, which then begins with what .carry/out holds. `--stand-in` does a little of everything on a
CPU, with digits.
"""

import argparse
import json
import os
import shutil
import sys
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from common import RESULTS, machine  # noqa: E402
from gpu_stages import (  # noqa: E402
    decoding,
    kmeans_on_torch,
    marked_tests,
    paper,
    ranks,
    side_by_side,
    throughput,
)
from gpu_stages.day import ON_A_GPU, STAND_IN, Day, Result, Stage  # noqa: E402

STAGES = (
    marked_tests.STAGE,
    throughput.STAGE,
    paper.SETTING,
    paper.TABLE,
    side_by_side.STAGE,
    kmeans_on_torch.STAGE,
    decoding.STAGE,
    ranks.STAGE,
)
LINES = "gpu.jsonl"


def main() -> None:
    arguments = _arguments()
    earlier = arguments.carry / "out"
    out = arguments.out or earlier
    out.mkdir(parents=True, exist_ok=True)
    if earlier.is_dir() and not out.samefile(earlier) and not arguments.stand_in:
        shutil.copytree(earlier, out, dirs_exist_ok=True)
    if arguments.pages:
        _pages(_known(arguments.results, out), arguments.results)
        return
    stages = [stage for stage in STAGES if stage.name in arguments.stages]
    with tempfile.TemporaryDirectory() as nowhere:
        day = _day(arguments, out, Path(nowhere) if arguments.list else arguments.work)
        if not arguments.list:
            failures = _run(stages, day)
        print(f"\n{day.card}, after {time.monotonic() - day.ends + 60 * arguments.minutes:.0f} s:")
        print(*_what_is_left(stages, day, arguments), sep="\n")
    sys.exit(0 if arguments.list or not failures else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [stage.name for stage in STAGES]
    parser.add_argument("--minutes", type=float, default=8, help="after which nothing goes on")
    parser.add_argument("--stages", nargs="+", choices=names, default=names)
    parser.add_argument("--list", action="store_true", help="only say what is left of each stage")
    parser.add_argument("--pages", action="store_true", help="take in the results of OUT and write the page")
    parser.add_argument("--stand-in", action="store_true", help="a little of everything, on a CPU")
    parser.add_argument("--carry", type=Path, default=ROOT / ".carry", help="what was brought along")
    parser.add_argument("--out", type=Path, help="what is to be brought back")
    parser.add_argument("--results", type=Path, default=RESULTS, help="earlier results")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "curate-gpu")
    return parser.parse_args()


def _day(arguments: argparse.Namespace, out: Path, work: Path) -> Day:
    """Unpack what was brought along, and look at the device."""
    ends = time.monotonic() + 60 * arguments.minutes
    work.mkdir(parents=True, exist_ok=True)
    train = test = "digits"
    if not arguments.stand_in:
        for packed in sorted(arguments.carry.glob("*.tar*")):
            _unpack(packed, work)
        train = test = str(work / "cifar10")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(work / "site"), os.environ.get("PYTHONPATH", "")])
    sys.path.insert(0, str(work / "site"))
    import torch

    if not (arguments.stand_in or torch.cuda.is_available()):
        sys.exit("torch sees no GPU: run this where there is one, or with --stand-in")
    if arguments.stand_in:
        return Day("cpu", "stand-in on a CPU", STAND_IN, train, test, work, out, ends, _known(None, out))
    known = _known(arguments.results, out)
    return Day("cuda", torch.cuda.get_device_name(), ON_A_GPU, train, test, work, out, ends, known)


def _unpack(packed: Path, work: Path) -> None:
    """Once, however often this is called."""
    mark = work / f"{packed.name}.unpacked"
    size = str(packed.stat().st_size)
    if not mark.exists() or mark.read_text() != size:
        with tarfile.open(packed) as archive:
            archive.extractall(work, filter="data")
        mark.write_text(size)


def _known(results: Path | None, out: Path) -> tuple[Result, ...]:
    """The lines of both places, each once."""
    paths = [folder / LINES for folder in (results, out) if folder is not None]
    texts = [line for path in paths if path.exists() for line in path.read_text().splitlines()]
    return tuple(json.loads(text) for text in dict.fromkeys(texts))


def _wanted(stage: Stage, day: Day) -> list[str]:
    """The cells that have no result yet."""
    done = {
        line["cell"]
        for line in day.known
        if line["stage"] == stage.name
        and "error" not in line
        and (line["card"] == day.card or not stage.of_card)
    }
    return [cell for cell in stage.cells(day.size) if cell not in done]


def _run(stages: list[Stage], day: Day) -> int:
    """Run what is wanted and write down what comes of it; how many cells failed."""
    n_failed = 0
    about = machine()
    with (day.out / LINES).open("a") as file:
        for stage in stages:
            wanted = _wanted(stage, day)
            print(f"\n== {stage.name}: {len(wanted)} to do, {day.left():.0f} s left", flush=True)
            for result in stage.run(wanted, day) if wanted else ():
                line = {"stage": stage.name, **result, "card": day.card, "machine": about}
                file.write(json.dumps(line) + "\n")
                file.flush()
                n_failed += "error" in result
                print(json.dumps(result)[:300], flush=True)
    return n_failed


def _what_is_left(stages: list[Stage], day: Day, arguments: argparse.Namespace) -> list[str]:
    now = Day(**{**vars(day), "known": _known(None if arguments.stand_in else arguments.results, day.out)})
    lines, following = [], None
    for stage in stages:
        cells, wanted = stage.cells(day.size), _wanted(stage, now)
        minutes = stage.minutes * len(wanted) / len(cells)
        done = len(cells) - len(wanted)
        lines.append(f"{stage.name:13} {done:3} of {len(cells):3} done, about {minutes:.0f} min left")
        following = following or (f"next: {stage.name}, {wanted[0]}" if wanted else None)
    return [*lines, following or "all is done"]


def _pages(known: tuple[Result, ...], results: Path) -> None:
    """One file of results, and the page that shows them."""
    results.mkdir(exist_ok=True, parents=True)
    if not known:
        sys.exit("there are no results of a GPU: nothing to show")
    (results / LINES).write_text("".join(json.dumps(line) + "\n" for line in known))
    lines = ["# On a GPU", ""]
    for stage in STAGES:
        good = [line for line in known if line["stage"] == stage.name and "error" not in line]
        if good:
            lines += [f"## {stage.title}", "", *stage.page(good)]
    lines += [
        "`python benchmarks/gpu.py`",
        "",
        *dict.fromkeys(f"{line['card']}: {line['machine']}" for line in known),
        "",
    ]
    (results / "gpu.md").write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()

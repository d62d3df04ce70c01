"""Stages that are commands of curate: several at once on the device, a process each, in order of need."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gpu_stages.day import Day, Result

ROOT = Path(__file__).parents[2]
SHORT = 30  # seconds: what is begun with less left is not worth its start


@dataclass(frozen=True)
class Step:
    """What makes one artifact: the words after `curate`, or a function of the folder they all lie in.

    `kept` outputs are small, and come back with the results.
    """

    name: str
    make: tuple[str, ...] | Callable[[Path], None]
    output: str
    needs: tuple["Step", ...] = ()
    kept: bool = False


@dataclass
class _Running:
    """A command under way."""

    step: Step
    process: "subprocess.Popen[str]"
    began: float
    log: Path


def run_steps(steps: Iterable[Step], day: Day) -> Iterator[Result]:
    """Run the steps and what they need, and yield a result as each is done.

    What time does not suffice for is interrupted; where curate keeps unfinished work, it goes on from there.
    """
    folder = day.work / "artifacts"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = list(steps)
    waiting = _with_needs(wanted, day, folder)
    n_at_once = _best_at_once(day)
    running: list[_Running] = []
    try:
        while (waiting or running) and day.left() > 5:
            _start_some(waiting, running, folder, n_at_once, day)
            if not running:
                return
            time.sleep(0.2)
            for one in [one for one in running if one.process.poll() is not None]:
                running.remove(one)
                output, seconds = folder / one.step.output, time.perf_counter() - one.began
                if one.process.returncode:
                    said = one.log.read_text().strip()[-500:] or f"exit code {one.process.returncode}"
                    yield {"cell": one.step.name, "error": said}
                    waiting = [step for step in waiting if not _rests_on(step, one.step)]
                    continue
                if one.step.kept:
                    _copy(output, day.out / one.step.output)
                if one.step in wanted:
                    took = {"seconds": round(seconds, 2), "at_once": n_at_once}
                    yield {"cell": one.step.name, **took, **_found(output)}
    finally:
        for one in running:
            one.process.send_signal(signal.SIGINT)
        for one in running:
            try:
                one.process.wait(15)
            except subprocess.TimeoutExpired:
                one.process.kill()


def _with_needs(wanted: list[Step], day: Day, folder: Path) -> list[Step]:
    """The steps, and before them those that they need and that are not there yet."""
    ordered: dict[str, Step] = {}

    def add(step: Step) -> None:
        output, kept = folder / step.output, day.out / step.output
        if step.kept and kept.exists() and not output.exists():
            _copy(kept, output)
        if step in wanted:
            _remove(output)  # made by a run whose result was lost
        elif output.exists():
            return
        for need in step.needs:
            add(need)
        ordered.setdefault(step.name, step)

    for step in wanted:
        add(step)
    return list(ordered.values())


def _start_some(waiting: list[Step], running: list[_Running], folder: Path, n_at_once: int, day: Day) -> None:
    """Start what is ready, as far as there is room and time."""
    for step in list(waiting):
        if len(running) >= n_at_once or day.left() < SHORT:
            return
        if all((folder / need.output).exists() for need in step.needs):
            waiting.remove(step)
            if callable(step.make):
                step.make(folder)
            else:
                running.append(_started(step, step.make, folder, n_at_once))


def _started(step: Step, words: tuple[str, ...], folder: Path, n_at_once: int) -> _Running:
    threads = max(1, (os.cpu_count() or 1) // n_at_once)
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    log = folder / f"{step.name}.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "curate", *words, "-o", step.output],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=file,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": path},
        )
    return _Running(step, process, time.perf_counter(), log)


def _rests_on(step: Step, other: Step) -> bool:
    return any(need.name == other.name or _rests_on(need, other) for need in step.needs)


def _best_at_once(day: Day) -> int:
    """How many runs at once had the highest throughput on this card; two where that was not measured."""
    speeds = {
        int(result["cell"].split()[0]): sum(result["images_a_second"]) / len(result["images_a_second"])
        for result in day.known
        if result["stage"] == "throughput" and " at once" in result["cell"] and result["card"] == day.card
        if result.get("images_a_second")
    }
    return max(speeds, key=speeds.__getitem__) if speeds else 2


def _found(output: Path) -> Result:
    """What a manifest says of the run that made it."""
    summary = json.loads((output / "manifest.json").read_text())["summary"]
    names = ("test_accuracy", "test_worst_class", "samples_seen")
    return {name: summary[name] for name in names if name in summary}


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

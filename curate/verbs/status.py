"""status: the unfinished runs of a folder, how far each is, and the command that goes on."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from curate.artifacts.locks import locked
from curate.errors import CurateError
from curate.training.unfinished import ENDING, SAID, read_run
from curate.verbs.description import Description


@dataclass(frozen=True)
class UnfinishedRun:
    """A run of `train` or `score` that has not come to its end.

    `n_done` of `n_epochs` epochs are saved, the last of them at `saved`, local time in ISO 8601. `said` is
    the command line, or empty where it was started from Python. `problem` says why it cannot go on.
    """

    folder: str
    verb: str
    dataset: str
    said: str
    n_done: int
    n_epochs: int
    saved: str
    is_running: bool
    problem: str = ""


def status(folder: str | Path = ".") -> list[UnfinishedRun]:
    """The unfinished runs in a folder, by name."""
    path = Path(folder)
    if not path.is_dir():
        raise CurateError(f"{folder} is no folder: name one that holds runs, or stand in it")
    return [read_unfinished(one) for one in sorted(path.glob(f"*{ENDING}")) if one.is_dir()]


def is_unfinished(path: Path) -> bool:
    """Whether a path is the folder of a run in progress."""
    return path.name.endswith(ENDING) and path.is_dir()


def read_unfinished(folder: Path) -> UnfinishedRun:
    """What a run in progress says of itself."""
    running = _is_running(folder)
    try:
        run = read_run(folder)
        problem = "" if run or running else "no epoch was saved: run its command again, from the start"
    except CurateError as damage:
        run, problem = None, str(damage)
    if run is None:
        said = (folder / SAID).read_text() if (folder / SAID).is_file() else ""
        return UnfinishedRun(str(folder), "", "", said, 0, 0, "", running, problem)
    saved = datetime.fromtimestamp((folder / "run.json").stat().st_mtime).astimezone()
    return UnfinishedRun(
        str(folder),
        run["key"]["command"],
        run["key"]["dataset"]["reference"],
        run["said"],
        sum("epoch" in record for record in run["records"]),
        run["n_epochs"],
        saved.isoformat(timespec="seconds"),
        running,
    )


def describe_unfinished(folder: Path) -> Description:
    """For `inspect`: the same as facts."""
    run = read_unfinished(folder)
    facts = [
        ("what", f"a run of `{run.verb or 'train or score'}` that has not come to its end"),
        *([("dataset", run.dataset)] if run.dataset else []),
        ("epochs", f"{run.n_done:,} of {run.n_epochs:,} saved" if run.n_epochs else "none saved"),
        *([("saved", run.saved)] if run.saved else []),
        ("state", state_of(run)),
        ("to go on", run.said or "run the same command again"),
    ]
    return Description(f"unfinished run {folder}", facts)


def state_of(run: UnfinishedRun) -> str:
    """Whether a run is at work, waits, or is broken, in words."""
    return "running now" if run.is_running else run.problem or "stopped"


def _is_running(folder: Path) -> bool:
    """Whether a process is at work in a folder."""
    try:
        with locked(folder, in_use="in use"):
            return False
    except CurateError:
        return True

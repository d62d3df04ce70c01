"""Processes of their own that start at once: forks of an interpreter that has imported what takes long.

Never `huggingface_hub` is among it, which reads its environment when it is imported; `fresh_forks` import
curate themselves as well.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

import curate

LOADED = [
    *(
        "anyio",
        "click",
        "httpx2",
        "numpy",
        "pandas",
        "PIL.Image",
        "pyarrow.dataset",
        "pyarrow.parquet",
        "pydantic.type_adapter",
    ),
    *("rich.console", "rich.progress", "safetensors.torch", "scipy.optimize", "scipy.stats"),
    *("sklearn.datasets", "torch", "torch._dynamo", "yaml"),
]

SERVER = """
import importlib, json, os, signal, sys, time, traceback

for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
assert "huggingface_hub" not in sys.modules
os.fsync = lambda descriptor: None  # as in conftest


def run(asked):
    for number, name in enumerate((os.devnull, asked["out"], asked["err"])):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), number)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    exec(asked["before"], {})
    sys.argv = ["curate", *asked["words"]]
    from curate.cli.main import main

    main()


def start(asked):
    assert len(os.listdir("/proc/self/task")) == 1, "a fork takes only one thread along"
    if child := os.fork():
        return child
    code = 0
    try:
        run(asked)
    except SystemExit as done:
        code = done.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def nest(asked):
    # A second server, which has more loaded and is spoken to through two named pipes.
    if child := os.fork():
        return child
    requests = open(asked["requests"])
    answers = open(asked["answers"], "w")
    for name in asked["loaded"]:
        importlib.import_module(name)
    serve(requests, answers)
    os._exit(0)


def wait(asked):
    # The exit code, or None where it has not ended by then.
    until = time.monotonic() + asked["seconds"]
    while True:
        done, status = os.waitpid(asked["wait"], os.WNOHANG)
        left = until - time.monotonic()
        if done:
            return os.waitstatus_to_exitcode(status)
        if left <= 0:
            return None
        time.sleep(min(left, 0.005))


def serve(requests, answers):
    for line in requests:
        asked = json.loads(line)
        do = {"start": start, "wait": wait, "nest": nest}[asked["do"]]
        try:
            answer = {"is": do(asked)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


serve(sys.stdin, sys.stdout)
os._exit(0)
"""


class Forks:
    """An interpreter that forks; it is started with the first process that is asked for.

    With `within`, it is itself a fork of that one, and loads what that one has not.
    """

    def __init__(self, folder: Path, loaded: Sequence[str], within: "Forks | None" = None) -> None:
        self._folder, self._loaded, self._within = folder, loaded, within
        self._pipes: tuple[IO[str], IO[str]] | None = None  # requests, answers
        self._server: subprocess.Popen[str] | None = None
        self._started: list[Fork] = []

    def start(
        self, words: Sequence[object], folder: Path, environment: Mapping[str, str], before: str = ""
    ) -> "Fork":
        """Start `curate WORDS` in a folder, with this environment and no other; `before` is run first."""
        out, err = (self._folder / f"{len(self._started)}.{name}" for name in ("out", "err"))
        asked = {
            "do": "start",
            "words": [str(word) for word in words],
            "folder": str(folder),
            "before": before,
        }
        asked |= {"environment": dict(environment), "out": str(out), "err": str(err)}
        self._started.append(Fork(self, self.ask(asked), out, err))
        return self._started[-1]

    def run(
        self, words: Sequence[object], folder: Path, environment: Mapping[str, str], before: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """As `start`, until it ends."""
        fork = self.start(words, folder, environment, before)
        code = fork.wait(120)
        assert code is not None, f"not done after 120 seconds: {words}"
        return subprocess.CompletedProcess([*words], code, fork.out.read_text(), fork.err.read_text())

    def ask(self, asked: dict) -> int | None:
        if self._pipes is None:
            self._pipes = self._opened()
        requests, answers = self._pipes
        print(json.dumps(asked), file=requests, flush=True)
        answer = json.loads(answers.readline())
        assert "error" not in answer, answer["error"]
        return answer["is"]

    def _opened(self) -> tuple[IO[str], IO[str]]:
        if self._within is not None:
            requests, answers = str(self._folder / "requests"), str(self._folder / "answers")
            os.mkfifo(requests)
            os.mkfifo(answers)
            self._within.ask({"do": "nest", "loaded": self._loaded, "requests": requests, "answers": answers})
            return open(requests, "w"), open(answers)
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER, json.dumps(self._loaded)],
            env={**os.environ, "OMP_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        return self._server.stdin, self._server.stdout

    def close(self) -> None:
        """End what still runs, and the interpreter."""
        for fork in self._started:
            if fork.code is None:
                fork.kill()
        for pipe in self._pipes or ():
            pipe.close()
        if self._server is not None:
            self._server.wait()


@dataclass
class Fork:
    """A process; what it prints is in the files `out` and `err`, and `code` is its exit code, once known."""

    forks: Forks
    pid: int
    out: Path
    err: Path
    code: int | None = None

    def wait(self, seconds: float) -> int | None:
        """Its exit code, a signal as a negative number; None where it has not ended by then."""
        if self.code is None:
            self.code = self.forks.ask({"do": "wait", "wait": self.pid, "seconds": seconds})
        return self.code

    def send(self, number: signal.Signals) -> None:
        """Send a signal; until a process is waited for, its number is not given to another."""
        assert self.code is None, self.err.read_text()
        os.kill(self.pid, number)

    def kill(self) -> int | None:
        """End it with SIGKILL, if it has not ended; its exit code."""
        self.send(signal.SIGKILL)
        return self.wait(60)


def curate_modules() -> list[str]:
    root = Path(curate.__file__).parent
    files = [file.relative_to(root).with_suffix("") for file in sorted(root.rglob("*.py"))]
    return [".".join(("curate", *file.parts)) for file in files if file.name not in ("__init__", "__main__")]


@pytest.fixture(scope="session")
def forks(fresh_forks, tmp_path_factory) -> Iterator[Forks]:
    """Processes that have curate loaded, too: what they share with a user's begins with the command."""
    with contextlib.closing(Forks(tmp_path_factory.mktemp("forks"), curate_modules(), fresh_forks)) as opened:
        yield opened


@pytest.fixture(scope="session")
def fresh_forks(tmp_path_factory) -> Iterator[Forks]:
    """Processes that load curate themselves, as a user's does."""
    if sys.platform != "linux":
        pytest.skip("forks, and reads /proc")
    with contextlib.closing(Forks(tmp_path_factory.mktemp("fresh"), LOADED)) as opened:
        yield opened

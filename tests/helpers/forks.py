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

import pytest

import curate

LOADED = [
    *("click", "numpy", "pandas", "PIL.Image", "pyarrow.dataset", "pyarrow.parquet", "pydantic.type_adapter"),
    *("rich.console", "rich.progress", "safetensors.torch", "scipy.optimize", "scipy.stats"),
    *("sklearn.datasets", "torch", "torch._dynamo", "yaml"),
]

SERVER = """
import importlib, json, os, signal, sys, time, traceback

for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
assert "huggingface_hub" not in sys.modules


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


for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = {"is": wait(asked) if "wait" in asked else start(asked)}
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
"""


class Forks:
    """The interpreter that forks; it is started with the first process that is asked for."""

    def __init__(self, folder: Path, loaded: Sequence[str]) -> None:
        self._folder, self._loaded = folder, loaded
        self._server: subprocess.Popen[str] | None = None
        self._started: list[Fork] = []

    def start(
        self, words: Sequence[object], folder: Path, environment: Mapping[str, str], before: str = ""
    ) -> "Fork":
        """Start `curate WORDS` in a folder, with this environment and no other; `before` is run first."""
        out, err = (self._folder / f"{len(self._started)}.{name}" for name in ("out", "err"))
        asked = {"words": [str(word) for word in words], "folder": str(folder), "before": before}
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
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, "-c", SERVER, json.dumps(self._loaded)],
                env={**os.environ, "OMP_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        print(json.dumps(asked), file=self._server.stdin, flush=True)
        answer = json.loads(self._server.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["is"]

    def close(self) -> None:
        """End what still runs, and the interpreter."""
        for fork in self._started:
            if fork.code is None:
                fork.kill()
        if self._server is not None:
            self._server.communicate()


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
            self.code = self.forks.ask({"wait": self.pid, "seconds": seconds})
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
def forks(tmp_path_factory) -> Iterator[Forks]:
    """Processes that have curate loaded, too: what they share with a user's begins with the command."""
    yield from _opened(tmp_path_factory, [*LOADED, *curate_modules()])


@pytest.fixture(scope="session")
def fresh_forks(tmp_path_factory) -> Iterator[Forks]:
    """Processes that load curate themselves, as a user's does."""
    yield from _opened(tmp_path_factory, LOADED)


def _opened(tmp_path_factory, loaded: Sequence[str]) -> Iterator[Forks]:
    if sys.platform != "linux":
        pytest.skip("forks, and reads /proc")
    with contextlib.closing(Forks(tmp_path_factory.mktemp("forks"), loaded)) as opened:
        yield opened

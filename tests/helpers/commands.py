"""What a command said and did, and what an error on the command line has to look like."""

import re
import subprocess
import sys
from dataclasses import dataclass, field

from curate.progress import Progress


@dataclass
class Noted(Progress):
    """What a user is told along the way."""

    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)


@dataclass(frozen=True)
class Said:
    """What a command did: exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        return self.out.strip().splitlines()[-1]


def assert_error(result: Said, pattern: str) -> None:
    assert result.code == 2
    assert result.out == ""
    lines = result.err.strip().splitlines()
    assert lines[-1].startswith("error: ")
    assert re.search(pattern, lines[-1]), lines[-1]
    assert "Traceback" not in result.err


def loaded_by(code: str) -> set[str]:
    """The heavy libraries that are loaded after running `code` in a fresh interpreter."""
    heavy = "{'torch', 'torchvision', 'faiss', 'sklearn', 'polars', 'pyarrow', 'numpy', 'rich', 'pydantic'}"
    script = f"{code}\nimport sys\nprint('LOADED', *sorted(set(sys.modules) & {heavy}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split("LOADED")[1].split())


def command(*words: str) -> str:
    """Code that runs a command in the interpreter that runs it."""
    return (
        f"import sys; sys.argv = {['curate', *words]!r}\n"
        "from curate.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )

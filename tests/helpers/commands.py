"""What a command said and did, and what an error on the command line has to look like."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Said:
    """What a command did: exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        return self.out.strip().splitlines()[-1]


def assert_error(said: Said, pattern: str) -> None:
    assert said.code == 2
    assert said.out == ""
    lines = said.err.strip().splitlines()
    assert lines[-1].startswith("error: ")
    assert re.search(pattern, lines[-1]), lines[-1]
    assert "Traceback" not in said.err

"""A replay on the terminal: narrow, and without Unicode."""

import os
import re

from helpers.commands import Said

pytest_plugins = ["helpers.forks"]


def test_replay_prints_to_a_narrow_ascii_terminal(forks, digits_round, here):
    words = ["replay", digits_round.manifest, "--epochs", 1, "--trials", 2, "--against", "full,random"]
    ascii = "import sys\nfor stream in (sys.stdout, sys.stderr):\n    stream.reconfigure(encoding='ascii')"
    done = forks.run(words, here, {**os.environ, "COLUMNS": "40"}, ascii)
    result = Said(done.returncode, done.stdout, done.stderr)
    assert result.code == 0, result.err
    assert len(re.findall(r"^  test accuracy: [\d.]+% \+- [\d.]+$", result.out, re.MULTILINE)) == 3
    assert len(re.findall(r"^  95% interval: [-+\d.]+ to [-+\d.]+$", result.out, re.MULTILINE)) == 2
    assert "?" not in result.out

"""What the tests of recipes share: a small recipe, and workers that are threads of this process."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from curate.recipes import run as room
from curate.recipes.workers import Workers

SMALL = """
title = "Small"
controls = ["full", "random"]

[values]
data = "digits"
keep = [0.1, 0.3]

[every.train]
epochs = 1
trials = 2
set = { width = 1 }

[every.replay]
epochs = 1
trials = 2
set = { width = 1 }

[vectors]
embed = "$data"
dim = 4

[clusters]
cluster = "vectors"
k = 5

[selected]
select = "clusters"
strategy = ["furthest", "closest"]
keep = "$keep"

[static]
replay = "selected"
label = "{strategy}"

[dynamic]
train = "$data"
policy = "uncertainty"
warm-up = 0
keep = "$keep"
"""


@pytest.fixture
def written(here) -> Callable[..., Path]:
    """Writes a recipe, the small one unless said otherwise, with some of its lines replaced."""

    def write(text: str = SMALL, name: str = "small.toml", **changes: str) -> Path:
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        (here / name).write_text(text)
        return here / name

    return write


@pytest.fixture
def in_threads(monkeypatch) -> None:
    """Runs have threads of this process for workers: the same tasks, without the time to start processes."""

    @contextmanager
    def threads(jobs: int):
        with ThreadPoolExecutor(jobs) as pool:
            yield Workers(pool, jobs, None, ())

    monkeypatch.setattr(room, "processes", threads)

"""A Hub that means harm, or is none: it is neither believed nor waited for, and said to be what it is."""

import os
import time

import pytest
from helpers.hub_desk import Desk, line_of, made
from helpers.hub_hostile import ABOUT, FILE, LISTING, HostileHub

from curate import hub
from curate.errors import CurateError

pytest_plugins = ["helpers.hub_desk"]

HURRY = """
import time
from curate import hub
hub._SILENCE, hub._ANSWER, hub._SLOWEST, hub._TRIES, hub._FIRST_WAIT = 0.5, 1.5, 10**6, 2, 0.01
sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 100) / 50)
"""
QUICK = {("about", "the page of a hotel"), ("about", "null"), ("about", "a commit that is a path")}
QUICK |= {("listing", "it links to itself"), ("listing", "a negative size"), ("file", "without end")}
CASES = [
    (kind, name) for kind, names in (("about", ABOUT), ("listing", LISTING), ("file", FILE)) for name in names
]


@pytest.mark.parametrize(
    ("kind", "name"),
    [pytest.param(*case, marks=[] if case in QUICK else pytest.mark.slow) for case in CASES],
)
def test_it_is_given_up_in_one_line(forks, tmp_path, kind, name):
    folder = made(tmp_path / "mine")
    files = {f"mine/{file.name}": file.read_bytes() for file in folder.iterdir()}
    with HostileHub({"ann/subsets": {"main": files}}, kind, name) as server:
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("HF_", "CURATE_"))
        }
        environment |= {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
        environment |= {"CURATE_CACHE": str(tmp_path / "cache"), "HF_HUB_DISABLE_TELEMETRY": "1"}
        began = time.monotonic()
        done = forks.run(["pull", "ann/subsets", "-o", "out"], tmp_path, environment, HURRY)
        took = time.monotonic() - began
    line = line_of(done)
    assert line.startswith("error: hf:ann/subsets")
    assert "unexpected" not in line
    assert took < 20
    assert not (tmp_path / "out").exists()
    written = [file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()]
    assert sum(written) < 2_000_000, "no more was written than was listed"


def test_what_is_published_is_shown_as_that_of_its_repository_whatever_a_card_claims(monkeypatch):
    card = {"curate": [{"name": "a", "repository": "somebody/else", "keep": 10**400}, {"name": 7}, "x"]}
    monkeypatch.setattr(hub, "search", lambda *_: [{"repository": "ann/b", "private": False, "card": card}])
    from curate.show.published import print_published
    from curate.verbs.pull import published

    (one,) = published("ann")
    assert one["repository"] == "ann/b"
    from rich.console import Console

    console = Console(width=120, record=True)
    print_published("ann", [one], console)
    assert "ann/b/a" in console.export_text()


def test_a_neighbour_that_is_broken_neither_stops_a_push_nor_is_shown(desk: Desk, hub, tmp_path):
    desk.curate("push", made(tmp_path / "other"), "ann/subsets")
    repository = hub.repositories["ann/subsets"]
    repository.add({**repository.files, "other/manifest.json": b'{"kind": 7}'})
    done = desk.curate("push", made(tmp_path / "mine"), "ann/subsets")
    assert done.returncode == 0, done.stderr
    assert "other is left out of the front page" in done.stderr
    page = repository.files["README.md"].decode()
    assert "mine/selection.parquet" in page
    assert "other/selection.parquet" not in page


def test_a_dataset_is_not_fetched_where_it_does_not_fit(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "not" / "there"))
    hub._check_room("ann/big", 10)
    with pytest.raises(CurateError, match="hf:ann/big has 1,000,000,000,000,000,000 bytes of Parquet, and"):
        hub._check_room("ann/big", 10**18)


def test_a_download_ends_where_it_is_longer_than_listed():
    bar = hub._bar_that_counts("ann/big", 1000)(total=1000, disable=True)
    bar.update(1000)
    with pytest.raises(CurateError, match="hf:ann/big is longer than the 1,000 bytes that are listed"):
        bar.update(10**6)

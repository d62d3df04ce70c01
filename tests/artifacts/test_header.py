"""Headers of artifacts: what they say, how they come back, and when they are damaged or of another kind."""

import json
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.artifacts.header import Cost, Step, cost_of, read_header
from curate.errors import CurateError, DamagedError
from curate.manifests.manifest import open_manifest
from curate.vectors.opening import open_embedding


def test_the_header_has_the_whole_command_and_no_time(digits_round):
    header = open_embedding(digits_round.embedding).header
    assert header.command == "embed"
    assert header.options["method"] == "pca"
    assert header.options["dim"] == 16
    assert set(header.versions) >= {"curate", "torch", "faiss", "polars"}
    assert not [word for word in ("time", "date") if f'"{word}' in json.dumps(header.to_json())]


ROOT = Path(__file__).parent.parent.parent
COMMITTED = sorted((ROOT / "manifests").glob("*/manifest.json"))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.parent.name)
def test_the_headers_of_committed_manifests_come_back_to_the_letter(path):
    """They were written before headers had types."""
    plain = json.loads(path.read_bytes())
    header = read_header(path.read_bytes(), path, ("manifest",))
    assert header.to_json() == plain
    assert json.dumps(header.to_json(), indent=1, sort_keys=True) + "\n" == path.read_text()
    assert open_manifest(path.parent).header == header


def test_there_are_committed_manifests():
    assert len(COMMITTED) == 3


@given(
    seconds=st.none() | st.floats(1e-3, 1e9),
    seen=st.integers(0, 10**12),
    at_once=st.none() | st.integers(1, 64),
)
def test_a_cost_comes_back_and_an_unknown_one_stays_unknown(seconds, seen, at_once):
    cost = Cost(0.0 if seconds is None and seen == 0 else seconds, seen, at_once)
    plain = json.loads(json.dumps(cost.to_json()))
    assert Cost.from_json(plain) == cost
    assert plain["seconds"] == (seconds or 0.0)


def test_an_unknown_cost_is_none_and_never_nothing():
    known, unknown = Cost(2.0, 10), Cost(None, 7)
    assert unknown.to_json() == {"seconds": 0.0, "samples_seen": 7}
    assert cost_of([Step("score", {"n": 1}, 0, known)]) == (2.0, 10)
    steps = [Step("score", {"n": 1}, 0, known), Step("train", {"n": 2}, 0, unknown), Step("select", {}, 0)]
    assert cost_of(steps) == (None, 17)


def test_nothing_changes_a_header(digits_round):
    header = open_manifest(digits_round.manifest).header
    with pytest.raises(FrozenInstanceError):
        header.seed = 3
    with pytest.raises(FrozenInstanceError):
        header.dataset.n = 3
    with pytest.raises(FrozenInstanceError):
        header.lineage[0].command = "forge"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda plain: plain.pop("dataset"),
        lambda plain: plain.pop("lineage"),
        lambda plain: plain["dataset"].pop("fingerprint"),
        lambda plain: plain["dataset"].update(n="many"),
        lambda plain: plain["dataset"].update(classes=None),
        lambda plain: plain.update(dataset=[1]),
        lambda plain: plain.update(lineage=[{"command": "embed"}]),
        lambda plain: plain.update(columns={"aum": {"hard": "low"}}),
    ],
)
def test_a_header_with_a_part_missing_or_of_another_type_is_damaged(spoil):
    plain = json.loads(COMMITTED[0].read_bytes())
    spoil(plain)
    with pytest.raises(DamagedError, match=r"x is damaged: its header is incomplete \(\w+Error: "):
        read_header(json.dumps(plain), Path("x"), ("manifest",))


def test_another_kind_and_a_newer_format_are_named():
    plain = json.loads(COMMITTED[0].read_bytes())
    with pytest.raises(CurateError, match="x holds manifest, not scores or clusters"):
        read_header(json.dumps(plain), Path("x"), ("scores", "clusters"))
    with pytest.raises(CurateError, match="x has format 2, this curate reads 1: update curate"):
        read_header(json.dumps({**plain, "format": 2}), Path("x"), ("manifest",))

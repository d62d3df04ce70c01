"""The schema of headers: what real ones say passes, and one thing that is wrong is named."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.artifacts.header import DatasetReference, RankingColumn, make_header, read_header
from curate.artifacts.header_schema import check_header, parsed
from curate.errors import CurateError

DATASET = DatasetReference("mnist", "train", 10, ["a", "b"], "0" * 64, image_size=64, n_rows=12)
SUMMARY = {
    "n_epochs": 2,
    "n_selected_per_epoch": 3.5,
    "keep": 0.35,
    "checkpoints": [0, 1],
    "test_accuracy": None,
}
SUMMARY |= {"selected": {"none": 3, "all": 2}, "groups": {"never": {"weight": 0.2, "mean": 1.0}}}
HEADER = make_header(
    "manifest",
    "train",
    {"model": "lenet5", "recipe": {"lr": 0.1}, "mine": {"deep": [1, None, True, "x"]}},
    seed=3,
    dataset=DATASET,
    summary=SUMMARY,
    columns={"el2n": RankingColumn("high", "length", 0.7)},
).to_json()


def changed(path, value):
    """The header with another value at `a.b.c`."""
    header = copy.deepcopy(HEADER)
    at, names = header, path.split(".")
    for name in names[:-1]:
        at = at[int(name)] if isinstance(at, list) else at[name]
    at[names[-1]] = value
    return header


def deep(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("kind", 7),
        ("command", None),
        ("seed", -1),
        ("seed", True),
        ("seed", 2**63),
        ("options", []),
        ("options", {"a": deep(20)}),
        ("options", {"a": "x" * 5000}),
        ("options", {"a": float("nan")}),
        ("options", {"a": 10**400}),
        ("options", {"model": 3}),
        ("options", {"recipe": [1]}),
        ("parents", {"scores": "abc"}),
        ("lineage", [7]),
        ("lineage", [{"command": "score", "options": {}}]),
        ("lineage", [{"command": "score", "options": {"n_models": "many"}, "seed": 0}]),
        ("lineage", {}),
        ("summary", None),
        ("summary.n_epochs", 0),
        ("summary.n_epochs", 2.0),
        ("summary.keep", "all"),
        ("summary.keep", float("inf")),
        ("summary.checkpoints", [0, "1"]),
        ("summary.selected", {"none": 1}),
        ("summary.groups", {"never": 0.2}),
        ("versions", {"torch": 2}),
        ("device", ["cpu"]),
        ("n_threads", 0),
        ("cost", {"seconds": 1.0}),
        ("columns", {"el2n": {"hard_is": "left"}}),
        ("columns", {"el2n": {"hard_is": "low", "more": 1}}),
        ("files", {"a": "b"}),
        ("sha256", "0" * 63),
        ("dataset", [1]),
        ("dataset.n", -1),
        ("dataset.n", 2**40),
        ("dataset.classes", ["a", 1]),
        ("dataset.classes", "ab"),
        ("dataset.reference", {"a": 1}),
        ("dataset.image_size", 0),
        ("dataset.channels", "3"),
        ("dataset.skipped", [None]),
    ],
)
def test_what_is_wrong_is_named(path, value):
    check_header(HEADER)
    with pytest.raises(ValueError, match=path.partition(".")[0]):
        check_header(changed(path, value))


@pytest.mark.parametrize("name", ["kind", "dataset", "options", "summary", "lineage", "versions"])
def test_what_is_missing_is_named(name):
    header = {key: value for key, value in HEADER.items() if key != name}
    with pytest.raises(ValueError, match=f"{name} is missing"):
        check_header(header)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


PATHS = [*HEADER, *(f"dataset.{name}" for name in HEADER["dataset"]), *(f"summary.{n}" for n in SUMMARY)]


@given(path=st.sampled_from(PATHS), value=JSON)
@settings(max_examples=300, deadline=None)
def test_whatever_stands_in_a_field_the_header_is_read_or_refused(path, value, tmp_path_factory):
    text = json.dumps(changed(path, value))
    try:
        header = read_header(text, tmp_path_factory.getbasetemp() / "f", ("manifest",))
    except CurateError:
        return
    assert header.kind == "manifest"


def test_json_without_end_is_no_header():
    with pytest.raises(ValueError, match="nested without end"):
        parsed("[" * 200_000)
    with pytest.raises(ValueError, match="bytes of JSON"):
        parsed(" " * (64 * 2**20 + 1))

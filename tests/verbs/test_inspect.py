"""inspect: every kind of artifact in plain words."""

import json


def test_inspect_shows_a_trace(traced_run, cli):
    said = cli("inspect", traced_run.path / "trace.parquet")
    assert said.code == 0
    assert "4" in said.out
    assert "right in training" in said.out
    assert json.loads(cli("inspect", traced_run.path / "trace.parquet", "--json").out)["title"].startswith(
        "trace "
    )

"""The script that compares the bytes of two trees sees a difference, and none where there is none."""

import shutil
from pathlib import Path

import pytest
from same_bytes import COMMANDS, ROOT, differences, digests


def test_differences_are_named():
    same, changed = {"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"}
    assert differences(same, dict(same)) == []
    assert differences(same, changed) == ["b: 2 before, 3 now", "c: not there before, 4 now"]
    assert differences(changed, same) == ["b: 3 before, 2 now", "c: 4 before, not there now"]


@pytest.mark.slow
def test_a_tree_writes_the_same_bytes_as_itself_and_others_than_a_changed_one(tmp_path):
    shutil.copytree(ROOT / "curate", tmp_path / "tree" / "curate")
    few = COMMANDS[: COMMANDS.index("score digits")]
    ours, copied = digests(ROOT, tmp_path / "a", few), digests(tmp_path / "tree", tmp_path / "b", few)
    assert differences(ours, copied) == []
    furthest = tmp_path / "tree" / "curate" / "selection" / "strategies" / "furthest.py"
    furthest.write_text(furthest.read_text().replace("-distances(table)", "distances(table)"))
    changed = digests(tmp_path / "tree", tmp_path / "c", few)
    named = {Path(line.partition(":")[0]).parts[0] for line in differences(ours, changed)}
    assert named == {"furthest"}

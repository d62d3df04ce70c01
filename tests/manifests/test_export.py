"""What export formats write with: lines, and arrays under any name."""

import numpy as np
import pytest

from curate.manifests.export import write_array, write_lines


def test_every_item_is_a_line_of_its_own_and_none_are_an_empty_file(tmp_path):
    write_lines(tmp_path / "some", [12, "a b"])
    write_lines(tmp_path / "none", [])
    assert (tmp_path / "some").read_bytes() == b"12\na b\n"
    assert (tmp_path / "none").read_bytes() == b""


@pytest.mark.parametrize("name", ["a.npy", "a", "a.tmp"])
def test_an_array_lies_under_the_very_name_given(tmp_path, name):
    write_array(tmp_path / name, np.array([2, 1]))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert np.load(tmp_path / name).tolist() == [2, 1]


def test_objects_that_would_have_to_be_pickled_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        write_array(tmp_path / "a", np.array([{}], object))

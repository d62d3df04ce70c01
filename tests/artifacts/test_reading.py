"""Files of others: only regular ones, of bounded size, and whatever is wrong with them in one line."""

import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.artifacts.reading import damage_as_one_line, open_parquet, read_bounded, size_of
from curate.errors import CurateError, DamagedError


def test_only_regular_files_are_read(tmp_path):
    """A FIFO without a writer would be waited for, a device read, without end."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    for name in ("fifo", "zero", "."):
        with pytest.raises(CurateError, match="is no regular file"):
            size_of(tmp_path / name)
    with pytest.raises(CurateError, match="dangling cannot be read: No such file"):
        size_of(tmp_path / "dangling")
    assert read_bounded(tmp_path / "link", 3) == b"abc"


def test_a_size_is_looked_at_before_a_byte_is_read(tmp_path):
    sparse = tmp_path / "sparse.json"
    with sparse.open("wb") as file:
        file.truncate(60 * 2**30)
    with pytest.raises(DamagedError, match="has 64,424,509,440 bytes, more than 1,000: it is not read"):
        read_bounded(sparse, 1000)


@pytest.mark.parametrize(
    "problem",
    [
        ValueError("a\nb"),
        KeyError("a"),
        RecursionError(),
        MemoryError(),
        OSError(5, "a"),
        pa.ArrowInvalid("a"),
    ],
)
def test_whatever_a_reader_raises_is_one_line(problem):
    with (
        pytest.raises(DamagedError, match=r"^x is not a readable table \(.+\): make it again$") as caught,
        damage_as_one_line("x", "table", "make it again"),
    ):
        raise problem
    assert "\n" not in str(caught.value)


def test_what_is_said_already_is_left_as_it_is():
    with pytest.raises(CurateError, match=r"^said$"), damage_as_one_line("x", "table", "make it again"):
        raise CurateError("said")


def test_two_columns_of_one_name_are_refused(tmp_path):
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(DamagedError, match="has two columns called 'a'"):
        open_parquet(tmp_path / "t.parquet")

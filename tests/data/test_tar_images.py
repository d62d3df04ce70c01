"""The headers of an archive: any bytes are members that lie within it, or one line about what is wrong."""

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.data.dataset import open_dataset
from curate.data.tar_images import members
from curate.errors import DamagedError


def test_a_header_that_claims_much_is_not_believed(here):
    """An extended header of a gigabyte, in a file with a hole of that size, is refused by its size."""
    about = tarfile.TarInfo("x")
    about.type, about.size = b"x", 2**30
    with open(here / "a.tar", "wb") as file:
        file.write(about.tobuf(tarfile.USTAR_FORMAT))
        file.truncate(2**30 + 4096)
    with pytest.raises(DamagedError, match="has a name of 1,073,741,824 bytes"):
        open_dataset("a.tar")


@given(data=st.binary(max_size=2048), place=st.integers(0, 4095), value=st.integers(0, 255))
def test_any_bytes_are_members_or_one_line(tmp_path_factory, data, place, value):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("a/0.png", "é" * 120):
            about = tarfile.TarInfo(name)
            about.size = 5
            archive.addfile(about, io.BytesIO(b"hello"))
    whole = bytearray(buffer.getvalue())
    whole[place] = value
    for content in (bytes(whole), data):
        try:
            found = list(members(io.BytesIO(content), Path("x.tar"), len(content)))
        except DamagedError:
            continue
        assert all(0 <= one.start <= one.start + one.size <= len(content) for one in found)

"""Images that are damaged, huge or altered are refused by name, and end no process."""

import contextlib
import struct
import subprocess
import sys

import pytest
from helpers.pictures import encoded, noise
from helpers.pictures import png_by_hand as png
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.data.decoding import MAX_PIXELS, CorruptImageError, decode, probe

LEAVE_OUT = r": mend it, or leave it out with --skip-corrupt$"


def bmp_header(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IIIIIIHHIIIIII", 54, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("read", [probe, decode])
def test_a_huge_png_is_refused_from_its_header(read):
    with pytest.raises(
        CorruptImageError,
        match=r"^cat\.png is 50,000 x 50,000 pixels, more than 100,000,000: scale it down, ",
    ):
        read(png(50_000, 50_000, 8, 0, None), "cat.png")


def test_a_huge_bmp_is_refused_from_its_header():
    with pytest.raises(
        CorruptImageError, match=r"^cat\.bmp has more than [\d,]+ pixels: scale it down, or leave it"
    ):
        decode(bmp_header(50_000, 50_000), "cat.bmp")


def test_the_limit_of_pixels_is_itself_allowed():
    assert MAX_PIXELS == 10_000 * 10_000
    assert probe(png(10_000, 10_000, 8, 0, None), "cat.png") == (10_000, 10_000, 1)
    with pytest.raises(CorruptImageError):
        probe(png(10_000, 10_001, 8, 0, None), "cat.png")


PNG = encoded(noise(32, 32), "PNG")
JPEG = encoded(noise(32, 32), "JPEG")
DAMAGED = {
    "truncated PNG": PNG[: len(PNG) // 2],
    "PNG of rubbish": PNG[:40] + b"rubbish" * 20,
    "PNG header alone": png(5, 5, 8, 0, None),
    "PNG magic alone": PNG[:8],
    "PNG of no size": png(0, 0, 8, 0, b""),
    "truncated JPEG": JPEG[: len(JPEG) // 2],
    "JPEG of rubbish": JPEG[:30] + b"rubbish" * 20,
    "JPEG magic alone": JPEG[:4],
    "truncated BMP": encoded(noise(32, 32), "BMP")[:600],
    "truncated WebP": encoded(noise(32, 32), "WEBP")[:100],
    "text": b"no image at all",
    "nothing": b"",
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_image_is_named(content):
    with pytest.raises(CorruptImageError, match=r"^cat\.png is not a readable image \(.+\)" + LEAVE_OUT):
        decode(content, "cat.png")


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_the_reason_is_the_same_at_every_reading(content):
    with pytest.raises(CorruptImageError) as first:
        decode(content, "cat.png")
    assert " at 0x" not in str(first.value)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    st.sampled_from([JPEG, encoded(noise(32, 32), "BMP"), encoded(noise(32, 32), "GIF")]),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=5),
)
def test_altered_bytes_decode_or_are_refused_and_nothing_else(content, changes):
    altered = bytearray(content)
    for place, value in changes:
        altered[place % len(altered)] = value
    with contextlib.suppress(CorruptImageError):
        assert decode(bytes(altered), "cat").ndim == 3


def test_a_png_with_an_altered_byte_is_refused_and_ends_no_process(tmp_path):
    (tmp_path / "cat.png").write_bytes(PNG)
    code = """
import sys, pathlib
from curate.data.decoding import CorruptImageError, decode
content = pathlib.Path(sys.argv[1]).read_bytes()
for place in range(41, len(content) - 16, 97):
    altered = bytearray(content)
    altered[place] ^= 255
    try:
        decode(bytes(altered), "cat.png")
    except CorruptImageError:
        print("refused")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "cat.png")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:500]
    assert done.stdout.split() == ["refused"] * len(range(41, len(PNG) - 16, 97))

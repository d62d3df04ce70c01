"""Decoding, by naive references and PIL; and what happens to images that are damaged, huge or odd."""

import contextlib
import io
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curate.errors import CurateError
from curate.images import (
    MAX_PIXELS,
    CorruptImageError,
    EncodedImages,
    ResidentImages,
    Target,
    bring_to,
    decode,
    is_lossless,
    probe,
    view,
    workers_for,
)

LEAVE_OUT = r": mend it, or leave it out with --skip-corrupt$"


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def smooth(height: int, width: int) -> np.ndarray:
    """A colour image without edges, which lossy formats and resizing change little."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y * 200 // height, x * 200 // width, (x + y) * 200 // (height + width)], 2).astype(
        np.uint8
    )


def encoded(pixels: np.ndarray, kind: str, mode: str | None = None, **options) -> bytes:
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    (image if mode is None else image.convert(mode)).save(buffer, kind, **options)
    return buffer.getvalue()


def as_rgb(content: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(content)).convert("RGB"))


def png(width: int, height: int, bits: int, colour: int, rows: bytes | None) -> bytes:
    """A PNG by hand; without rows it is a header alone."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    data = b"" if rows is None else chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + data


def bmp_header(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IIIIIIHHIIIIII", 54, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("channels", "dtype"), [(1, np.uint8), (2, np.uint8), (3, np.uint8), (4, np.uint8), (1, np.uint16)]
)
def test_png_gives_the_pixels_it_was_made_of(channels, dtype):
    pixels = noise(3, 5, channels, dtype=dtype)
    rows = b"".join(b"\0" + row.astype(pixels.dtype.newbyteorder(">")).tobytes() for row in pixels)
    content = png(5, 3, pixels.itemsize * 8, {1: 0, 2: 4, 3: 2, 4: 6}[channels], rows)
    decoded = decode(content, "cat.png")
    assert decoded.dtype == dtype
    assert np.array_equal(decoded, pixels)
    assert probe(content, "cat.png") == (3, 5, channels)


def test_colour_png_of_16_bits_is_read_with_8():
    pixels = noise(3, 5, 3, dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    assert np.array_equal(decode(png(5, 3, 16, 2, rows), "cat.png"), pixels >> 8)


@pytest.mark.parametrize(("bits", "levels"), [(1, [0, 255]), (2, [0, 85, 170, 255])])
def test_png_of_few_bits_has_its_grey_levels_from_0_to_255(bits, levels):
    packed = sum(level << (8 - bits * (level + 1)) for level in range(len(levels)))
    decoded = decode(png(len(levels), 1, bits, 0, bytes([0, packed])), "cat.png")
    assert decoded[0, :, 0].tolist() == levels


@pytest.mark.parametrize("options", [{}, {"bits": 2}, {"transparency": 0}], ids=["8 bits", "2 bits", "alpha"])
def test_palette_png_has_the_colours_of_its_palette(options):
    image = Image.fromarray(smooth(6, 5)).quantize(4)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    decoded = bring_to(decode(buffer.getvalue(), "cat.png"), Target())
    assert np.array_equal(decoded, np.array(image.convert("RGB")))


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "GIF", "PPM", "WEBP"])
@pytest.mark.parametrize("channels", [1, 3])
def test_other_lossless_formats_give_the_pixels_they_were_made_of(kind, channels):
    pixels = noise(6, 5, channels)
    content = encoded(pixels.squeeze(), kind, **({"lossless": True} if kind == "WEBP" else {}))
    decoded = bring_to(decode(content, "cat"), Target(channels=channels))
    assert np.array_equal(decoded, pixels)


def test_tiff_with_alpha_keeps_it_until_it_is_dropped():
    pixels = noise(6, 5, 4)
    decoded = decode(encoded(pixels, "TIFF"), "cat.tif")
    assert np.array_equal(decoded, pixels)
    assert np.array_equal(bring_to(decoded, Target()), pixels[..., :3])


def test_black_and_white_tiff_is_0_and_255():
    pixels = np.array([[0, 255, 255], [255, 0, 0]], np.uint8)
    decoded = bring_to(decode(encoded(pixels, "TIFF", "1"), "cat.tif"), Target())
    assert decoded[..., 0].tolist() == pixels.tolist()


def test_tiff_of_16_bits_keeps_them():
    pixels = noise(6, 5, dtype=np.uint16)
    decoded = decode(encoded(pixels, "TIFF"), "cat.tif")
    assert np.array_equal(decoded[..., 0], pixels)


def test_big_endian_tiff_of_16_bits_keeps_them():
    pixels = np.array([[0, 257, 25_700, 65_535]], np.uint16)
    buffer = io.BytesIO()
    Image.frombytes("I;16B", (4, 1), pixels.astype(">u2").tobytes()).save(buffer, "TIFF")
    assert decode(buffer.getvalue(), "cat.tif")[0, :, 0].tolist() == pixels[0].tolist()


@pytest.mark.parametrize(("kind", "mode"), [("PPM", None), ("TIFF", "I")])
def test_images_of_more_than_8_bits_are_not_all_white(kind, mode):
    pixels = np.array([[0, 257, 25_700, 65_535]], np.uint16)
    try:
        decoded = bring_to(decode(encoded(pixels, kind, mode), "cat"), Target(channels=1))
    except CorruptImageError:
        return
    assert decoded[0, :, 0].tolist() == [0, 1, 100, 255]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_is_as_pil_decodes_it(mode):
    content = encoded(smooth(21, 30), "JPEG", mode)
    reference = np.array(Image.open(io.BytesIO(content))).reshape(21, 30, -1).astype(int)
    decoded = decode(content, "cat.jpg")
    assert decoded.shape == reference.shape == probe(content, "cat.jpg")
    assert np.abs(decoded - reference).max() <= 1


def test_jpeg_of_four_inks_has_the_colours_they_print():
    inks = Image.fromarray(np.full((16, 16, 4), (10, 90, 160, 120), np.uint8), "CMYK")
    buffer = io.BytesIO()
    inks.save(buffer, "JPEG", quality=95)
    content = buffer.getvalue()
    decoded = bring_to(decode(content, "cat.jpg"), Target()).astype(int)
    assert np.abs(decoded - as_rgb(content)).max() <= 2


def test_webp_is_as_pil_decodes_it():
    content = encoded(smooth(21, 30), "WEBP", quality=80)
    assert np.array_equal(decode(content, "cat.webp"), as_rgb(content))


def test_arrays_pass_through_decoding():
    pixels = noise(4, 5)
    assert np.array_equal(decode(pixels, "a[0]"), pixels[..., None])
    assert decode(pixels[..., None], "a[0]").shape == (4, 5, 1)


@pytest.mark.parametrize(
    ("given", "target", "expected"),
    [
        (np.uint8([[[7]]]), Target(), [[[7]]]),
        (np.uint8([[[7]]]), Target(channels=3), [[[7, 7, 7]]]),
        (np.uint8([[[7, 200]]]), Target(), [[[7]]]),
        (np.uint8([[[1, 2, 3, 200]]]), Target(), [[[1, 2, 3]]]),
        (np.uint8([[[7, 200]]]), Target(channels=3), [[[7, 7, 7]]]),
        (np.uint8([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]), Target(channels=1), [[[76], [150], [29]]]),
        (np.uint8([[[255, 255, 255], [10, 20, 30]]]), Target(channels=1), [[[255], [18]]]),
        (np.uint16([[[0], [256], [257], [65_534], [65_535]]]), Target(), [[[0], [0], [1], [254], [255]]]),
    ],
)
def test_channels_and_depth_worked_by_hand(given, target, expected):
    brought = bring_to(given, target)
    assert brought.dtype == np.uint8
    assert brought.tolist() == expected


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_grey_is_the_luma_of_itu_601_rounded(pixel):
    red, green, blue = pixel
    brought = bring_to(np.uint8([[pixel]]), Target(channels=1))
    assert brought.tolist() == [[[(299 * red + 587 * green + 114 * blue + 500) // 1000]]]
    assert abs(int(brought[0, 0, 0]) - Image.new("RGB", (1, 1), pixel).convert("L").getpixel((0, 0))) <= 1


def test_an_image_of_the_right_size_is_left_as_it_is():
    pixels = noise(8, 8, 3)
    assert np.array_equal(bring_to(pixels, Target(8)), pixels)


@pytest.mark.parametrize("wide", [True, False])
def test_the_centre_square_is_kept(wide):
    pixels = noise(8, 16, 3)
    brought = bring_to(pixels if wide else pixels.transpose(1, 0, 2), Target(8))
    assert np.array_equal(brought, pixels[:, 4:12] if wide else pixels[:, 4:12].transpose(1, 0, 2))


@pytest.mark.parametrize("size", [10, 34])
def test_resizing_is_bilinear_and_antialiased_as_in_pil(size):
    pixels = noise(20, 40, 3)
    reference = np.array(Image.fromarray(pixels).resize((2 * size, size), Image.Resampling.BILINEAR)).astype(
        int
    )
    left = size // 2
    difference = bring_to(pixels, Target(size)) - reference[:, left : left + size]
    assert np.abs(difference).max() <= 1


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 4),
    st.integers(1, 20),
    st.sampled_from([None, 1, 3]),
)
def test_every_image_is_brought_to_the_target(height, width, given_channels, size, channels):
    brought = bring_to(noise(height, width, given_channels), Target(size, channels))
    assert brought.dtype == np.uint8
    assert brought.shape == (size, size, channels or {2: 1, 4: 3}.get(given_channels, given_channels))


def test_a_thin_image_cannot_ask_for_much_memory(monkeypatch):
    from torchvision.transforms.v2 import functional

    resize = functional.resize

    def guarded(image, size, **options):
        shorter, longer = sorted(image.shape[-2:])
        assert size[0] * size[0] * longer // shorter <= 10 * MAX_PIXELS
        return resize(image, size, **options)

    monkeypatch.setattr(functional, "resize", guarded)
    try:
        brought = bring_to(np.zeros((1, 30_000, 1), np.uint8), Target(512))
    except CurateError:
        return
    assert brought.shape == (512, 512, 1)


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
from curate.images import CorruptImageError, decode
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


@pytest.mark.parametrize(
    ("start", "lossless"),
    [
        (b"\x89PNG\r\n\x1a\n", True),
        (b"BM", True),
        (b"GIF89a", True),
        (b"II*\0", True),
        (b"", True),
        (b"RIFF\x10\0\0\0WAVE", True),
        (b"\xff\xd8\xff\xe0", False),
        (b"RIFF\x10\0\0\0WEBPVP8 ", False),
        (b"\0\0\0\x20ftypavif", False),
        (b"\0\0\0\x20ftypheic", False),
    ],
)
def test_lossy_formats_are_told_by_their_first_bytes(start, lossless):
    assert is_lossless(start) is lossless


def test_tiny_images_and_arrays_are_decoded_by_one_thread():
    assert workers_for(b"x" * 8_191) == workers_for(noise(300, 300)) == 1
    assert workers_for(b"x" * 8_192) == os.cpu_count()


def encoded_images(contents: list[bytes], shape: tuple[int, int, int], target: Target) -> EncodedImages:
    rows = np.arange(len(contents))
    return EncodedImages(contents.__getitem__, lambda row: f"cat[{row}]", rows, shape, target)


def test_encoded_images_are_read_in_the_order_asked_for():
    pixels = noise(5, 6, 7, 3)
    images = encoded_images([encoded(image, "PNG") for image in pixels], (6, 7, 3), Target())
    assert len(images) == 5
    assert np.array_equal(images.read(np.array([3, 0, 3])), pixels[[3, 0, 3]])
    assert images.read(np.array([], int)).shape == (0, 6, 7, 3)


def test_views_of_encoded_and_of_resident_images_agree():
    pixels = noise(6, 4, 4, 1)
    streamed = encoded_images([encoded(image[..., 0], "PNG") for image in pixels], (4, 4, 1), Target())
    for images in (ResidentImages(pixels), streamed):
        seen = view(view(images, np.array([5, 3, 1])), np.array([2, 0]))
        assert len(seen) == 2
        assert seen.shape == (4, 4, 1)
        assert np.array_equal(seen.read(np.array([1, 0])), pixels[[5, 1]])


def test_reading_resident_images_gives_a_copy():
    pixels = noise(3, 4, 4, 1)
    before = pixels.copy()
    ResidentImages(pixels).read(np.array([0, 1]))[:] = 0
    assert np.array_equal(pixels, before)


def test_an_image_that_changed_its_shape_since_is_an_error(tmp_path):
    file = tmp_path / "cat.png"
    file.write_bytes(encoded(noise(6, 6), "PNG"))
    images = EncodedImages(
        lambda _: file.read_bytes(), lambda _: "cat.png", np.arange(1), (6, 6, 1), Target()
    )
    file.write_bytes(encoded(noise(6, 7), "PNG"))
    with pytest.raises(
        CurateError, match=r"^cat\.png has changed since the dataset was opened: open it anew$"
    ):
        images.read(np.array([0]))

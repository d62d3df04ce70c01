"""Decoding: PNGs by hand, other formats as PIL reads them, and which formats are lossy."""

import io

import numpy as np
import pytest
from helpers.pictures import encoded, noise
from helpers.pictures import png_by_hand as png
from PIL import Image

from curate.data.decoding import Target, bring_to, decode, is_lossless, probe


def smooth(height: int, width: int) -> np.ndarray:
    """A colour image without edges, which lossy formats and resizing change little."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y * 200 // height, x * 200 // width, (x + y) * 200 // (height + width)], 2).astype(
        np.uint8
    )


def as_rgb(content: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(content)).convert("RGB"))


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
    decoded = bring_to(decode(encoded(pixels, kind, mode), "cat"), Target(channels=1))
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

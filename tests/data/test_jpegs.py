"""Plain JPEGs: the very pixels of PIL at every scale; what is altered ends no process and gives no others."""

import io
import subprocess
import sys

import numpy as np
import pytest
from helpers.pictures import noise
from PIL import Image

from curate.data import jpegs
from curate.data.decoding import decode, probe
from curate.data.jpegs import jpeg_pixels, jpeg_shape


def saved(pixels, **how):
    buffer = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(buffer, "JPEG", **how)
    return buffer.getvalue()


def by_pil(content, needed=None):
    with Image.open(io.BytesIO(content)) as image:
        if needed:
            image.draft(None, needed[::-1])
        pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[..., None]


PLAIN = {
    "grey": saved(noise(61, 43, 1)),
    "4:2:0": saved(noise(77, 90, 3), quality=70),
    "4:4:4": saved(noise(40, 41, 3), quality=95, subsampling=0),
    "4:2:2": saved(noise(33, 64, 3), subsampling=1),
    "progressive": saved(noise(50, 60, 3), progressive=True),
    "one pixel": saved(noise(1, 1, 3)),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_pixels_are_those_of_pil(kind):
    content = PLAIN[kind]
    shape = jpeg_shape(content)
    assert shape == by_pil(content).shape
    assert np.array_equal(jpeg_pixels(content, shape), by_pil(content))


@pytest.mark.parametrize("needed", [(1, 1), (10, 12), (20, 20), (30, 40), (39, 1), (400, 400)])
@pytest.mark.parametrize("kind", PLAIN)
def test_and_at_every_scale(kind, needed):
    content = PLAIN[kind]
    pixels = jpeg_pixels(content, jpeg_shape(content), needed)
    assert np.array_equal(pixels, by_pil(content, needed))


def test_what_is_not_plain_is_left_to_pil():
    cmyk = io.BytesIO()
    Image.new("CMYK", (8, 8)).save(cmyk, "JPEG")
    png = io.BytesIO()
    Image.new("RGB", (8, 8)).save(png, "PNG")
    for content in (cmyk.getvalue(), png.getvalue(), b"", b"\xff\xd8\xff", PLAIN["grey"][:100]):
        assert jpeg_shape(content) is None
    assert probe(cmyk.getvalue(), "x") == (8, 8, 4)
    cut = PLAIN["4:2:0"][:-300]
    assert jpeg_pixels(cut, jpeg_shape(cut)) is None


def test_without_the_library_pil_decodes(monkeypatch):
    monkeypatch.setattr(jpegs, "_library", lambda: None)
    for content in PLAIN.values():
        assert jpeg_shape(content) is None
        assert np.array_equal(decode(content, "x"), by_pil(content))


ALTERED = """
import io, random, sys
sys.path[:0] = {path!r}
import numpy as np
from PIL import Image
from curate.data.jpegs import jpeg_pixels, jpeg_shape
from data.test_jpegs import PLAIN, by_pil
chance, decoded = random.Random({seed}), 0
for number in range({n}):
    content = bytearray(chance.choice(sorted(PLAIN.values())))
    for _ in range(chance.choice((1, 1, 2, 5))):
        place = chance.randrange(3, len(content))
        what = chance.randrange(4)
        if what == 0:
            content[place] = chance.randrange(256)
        elif what == 1:
            content[place] ^= 1 << chance.randrange(8)
        elif what == 2:
            del content[place : place + chance.randrange(1, 9)]
        else:
            content[place:place] = chance.randbytes(chance.randrange(1, 9))
    content = bytes(content)
    shape = jpeg_shape(content)
    if shape is None or shape[0] * shape[1] > 10**6:
        continue
    needed = chance.choice((None, (5, 5), (20, 20)))
    pixels = jpeg_pixels(content, shape, needed)
    if pixels is None:
        continue
    decoded += 1
    assert np.array_equal(pixels, by_pil(content, needed)), (number, content)
print(decoded)
"""


@pytest.mark.parametrize("n", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_altered_files_end_no_process_and_what_is_decoded_is_as_pil_has_it(n):
    source = ALTERED.format(path=[path for path in sys.path if path], seed=n, n=n)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1500:]
    assert n // 20 < int(done.stdout) < n

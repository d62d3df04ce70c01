"""Sheets as pictures and as pages: images lie where they belong, with their numbers, and open larger."""

import base64
import io
import re

import numpy as np
import pytest
from helpers.pictures import ALL, npz
from PIL import Image

import curate
from curate.data.dataset import open_dataset
from curate.errors import CurateError
from curate.verbs.sheet import Sheet, of_dataset
from curate.verbs.sheet_drawn import check_name, draw_sheet

TWO = Sheet("it", "easy", "hard", [("a", np.array([0]), np.array([1]))])


@pytest.fixture
def greys(tmp_path):
    """Two grey images of 8 x 8, without labels."""
    grey = np.stack([np.full((8, 8), value, np.uint8) for value in (50, 200)])
    return open_dataset(npz(tmp_path / "a.npz", grey), ALL)


def test_images_are_enlarged_and_lie_left_and_right(greys, tmp_path):
    draw_sheet(tmp_path / "s.png", TWO, greys)
    # 8 pixels become 48, with a gap of 3; a margin of 80 on the left, of 12 in the middle, of 34 above; a
    # line of 11 for the number, and 6 below
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.size == (80 + 51 + 12 + 51, 34 + 48 + 11 + 6)
        for left, value in ((80, 50), (143, 200)):
            assert (np.asarray(sheet.crop((left, 34, left + 48, 82))) == value).all()
            under = np.asarray(sheet.crop((left, 82, left + 48, 93)))
            assert (under < 128).any(), "its number"


@pytest.mark.parametrize("name", ["s.webp", "s.png", "s.WEBP"])
def test_pictures_keep_every_pixel(greys, tmp_path, name):
    draw_sheet(tmp_path / name, TWO, greys)
    with Image.open(tmp_path / name) as sheet:
        assert (np.asarray(sheet.convert("RGB").crop((80, 34, 128, 82))) == 50).all()


def images_on(page):
    """The images on a page, by what stands for them."""
    found = re.findall(r'alt="sample (\d+)" src="data:image/webp;base64,([^"]+)"', page)
    return {int(index): Image.open(io.BytesIO(base64.b64decode(data))) for index, data in found}


def test_a_page_has_every_image_with_its_number_and_class_and_needs_nothing_else(tmp_path):
    data = curate.open_dataset("digits").take(np.arange(12))
    draw_sheet(tmp_path / "s.html", of_dataset(data), data)
    page = (tmp_path / "s.html").read_text()
    images = images_on(page)
    assert sorted(images) == list(range(12))
    for index, image in images.items():
        assert (np.asarray(image.convert("L")) == data.images.read(np.array([index]))[0, ..., 0]).all()
        assert f"<figcaption>{index}<br>{data.classes[data.labels[index]]} " in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "<script" not in page


def test_names_of_classes_are_text_and_no_markup(tmp_path):
    pixels = np.zeros((2, 8, 8), np.uint8)
    data = curate.Dataset.from_arrays(pixels, np.array([0, 1]), classes=["<b>", "dog"])
    draw_sheet(tmp_path / "s.html", of_dataset(data), data)
    page = (tmp_path / "s.html").read_text()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_images_of_a_page_are_larger_than_those_of_training_where_the_source_has_them(tmp_path):
    chance = np.random.default_rng(0)
    for number in range(4):
        place = tmp_path / "photos" / f"class-{number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = chance.integers(0, 256, (90, 120 + number, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.png")
    data = curate.open_dataset(str(tmp_path / "photos"), curate.Options(split="all"))
    assert data.images.shape == (64, 64, 3)
    draw_sheet(tmp_path / "s.html", of_dataset(data), data)
    assert {image.size for image in images_on((tmp_path / "s.html").read_text()).values()} == {(320, 320)}


def test_a_sheet_is_a_picture_or_a_page(greys, tmp_path):
    for refuses in (check_name, lambda path: draw_sheet(path, TWO, greys)):
        with pytest.raises(CurateError, match=r"s\.txt is neither a picture nor a page: name a file"):
            refuses(tmp_path / "s.txt")
    assert not (tmp_path / "s.txt").exists()

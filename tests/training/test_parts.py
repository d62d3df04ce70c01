"""Parts of images: cut out of the file as it is stored, scaled as PIL does, alike from wherever they come."""

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.pictures import encoded, write
from PIL import Image

from curate.data.dataset import Options, open_dataset
from curate.data.images import Locality, MappedImages
from curate.errors import CurateError
from curate.networks.learner import Learner, Normalization
from curate.training.augmentations.resized_crop import ResizedCrop
from curate.training.parts import Parts, Wanted


@pytest.fixture
def photos(here):
    """Pictures of several sizes: smooth, so that a scaled decoding is near to a full one."""
    for number in range(12):
        height, width = 90 + 17 * (number % 3), 120 - 13 * (number % 4)
        ys, xs = np.mgrid[:height, :width]
        image = np.stack([ys * 2, xs * 2, (xs + ys)], axis=2).astype(np.float64) * 0.9
        kind = "PNG" if number % 2 else "JPEG"
        write(here / "photos" / f"{number:02}.{kind.lower()}", encoded(image.astype(np.uint8), kind))
    return here / "photos"


def learner_for(images, size, precision="bf16"):
    """One that takes images of a size; of bf16, parts are left as bytes."""
    n = images.shape[2]
    normal = Normalization([0.4, 0.5, 0.3][:n], [0.2, 0.1, 0.3][:n])
    return Learner(torch.nn.Identity(), "", {}, n, [], size, normal, torch.device("cpu"), precision)


def cut(images, rows, boxes, size):
    ((_, parts),) = Parts(images, learner_for(images, size)).batches([Wanted(rows, boxes)])
    return parts


def middles(images):
    sides = images.sides(np.arange(len(images)))
    return np.stack([sides[:, 0] // 4, sides[:, 1] // 3, sides[:, 0] // 2, sides[:, 1] // 2], axis=1)


@pytest.mark.parametrize("size", [(16, 24), (8, 8), (60, 70)])
def test_a_part_is_cut_out_of_the_file_and_scaled(photos, size):
    images = open_dataset("photos", Options("all", stream=True)).images
    boxes = middles(images)
    parts = cut(images, np.arange(12), boxes, size).numpy()
    assert parts.shape == (12, 3, *size)
    for row, (top, left, height, width) in enumerate(boxes.tolist()):
        image = Image.open(sorted(photos.iterdir())[row]).convert("RGB")
        assert image.size[::-1] == tuple(images.sides(np.array([row]))[0])
        part = image.crop((left, top, left + width, top + height)).resize(
            size[::-1], Image.Resampling.BILINEAR
        )
        difference = np.abs(np.asarray(part).transpose(2, 0, 1).astype(int) - parts[row])
        if row % 2:  # a PNG is decoded whole
            assert difference.max() <= 1
        else:
            assert np.median(difference) <= 5  # cut at whole pixels of a quarter: two off, at 1.8 a pixel


def test_grey_images_and_parts_of_the_very_size(here):
    chance = np.random.default_rng(0)
    for number in range(3):
        pixels = chance.integers(0, 256, (20, 30), dtype=np.uint8)
        Image.fromarray(pixels).save(f"{number}.png")
    images = open_dataset(".", Options("all", stream=True)).images
    box = np.tile(np.array([5, 2, 12, 9], np.int32), (3, 1))
    parts = cut(images, np.arange(3), box, (12, 9))
    assert parts.shape == (3, 1, 12, 9)
    assert np.array_equal(parts[2, 0], np.asarray(Image.open("2.png"))[5:17, 2:11])


def test_views_memory_and_maps_cut_alike(photos):
    streamed = open_dataset("photos", Options("all", image_size=64, stream=True))
    held = open_dataset("photos", Options("all", image_size=64)).images
    mapped = MappedImages(held.read(np.arange(12)))
    box = np.array([[3, 4, 50, 40]] * 2, np.int32)
    one = cut(held, np.array([4, 2]), box, (8, 8))
    assert np.array_equal(one, cut(mapped, np.array([4, 2]), box, (8, 8)))
    assert held.sides(np.arange(2)).tolist() == [[64, 64]] * 2
    whole, view = streamed.images, streamed.take(np.array([4, 2])).images
    there = cut(whole, np.array([4, 2]), box, (8, 8))
    assert np.array_equal(there, cut(view, np.array([0, 1]), box, (8, 8)))
    assert cut(view, np.array([], int), box[:0], (8, 8)).shape == (0, 3, 8, 8)


def test_a_part_at_the_very_edge_has_a_pixel(photos):
    images = open_dataset("photos", Options("all", stream=True)).images
    sides = images.sides(np.arange(12))
    edges = np.stack([sides[:, 0] - 1, sides[:, 1] - 1, np.ones(12), np.ones(12)], axis=1).astype(np.int32)
    assert cut(images, np.arange(12), edges, (4, 4)).shape == (12, 3, 4, 4)


def together(images):
    """The same images, as if they were read together: threads make their parts."""
    view = open_dataset("photos", Options("all", stream=True)).images
    view.locality = Locality(np.zeros(len(images), np.int32), 1)
    return view


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_processes_and_threads_and_batches_of_any_size_make_the_same(photos, precision):
    images = open_dataset("photos", Options("all", stream=True)).images
    crop, order = ResizedCrop(), np.random.default_rng(3).permutation(12)
    drawn = crop.draw(12, (16, 24), np.random.default_rng(1))
    boxes = crop.boxes(images.sides(np.arange(12)), drawn)
    all_of_it = Wanted(np.arange(12), boxes, crop, drawn)

    def made(images, size):
        parts = Parts(images, learner_for(images, (16, 24), precision))
        wanted = [
            Wanted(rows, boxes[rows], crop, {name: value[rows] for name, value in drawn.items()})
            for rows in np.split(order, range(size, 12, size))
        ]
        batches = [(own.rows, batch.clone()) for own, batch in parts.batches(wanted)]
        assert np.array_equal(np.concatenate([rows for rows, _ in batches]), order)
        return torch.cat([batch for _, batch in batches])[np.argsort(order)]

    one = made(images, 12)
    assert torch.equal(one, made(images, 5))
    assert torch.equal(one, made(together(images), 4))
    bare = cut(images, np.arange(12), boxes, (16, 24))
    if precision == "bf16":
        assert one.dtype == torch.uint8
        assert torch.equal(one, bare)
        assert torch.equal(all_of_it.changed(bare)[0], bare[0].flip(2) if drawn["mirrored"][0] else bare[0])
    else:
        normal = all_of_it.changed(bare).float() - 255 * torch.tensor([0.4, 0.5, 0.3])[:, None, None]
        assert torch.allclose(one, normal / (255 * torch.tensor([0.2, 0.1, 0.3])[:, None, None]), atol=1e-4)


def test_batches_that_are_kept_or_left_stay_what_they_are(photos):
    images = open_dataset("photos", Options("all", stream=True)).images
    parts = Parts(images, learner_for(images, (8, 8)))
    wanted = [Wanted(np.array([row]), middles(images)[row : row + 1]) for row in range(12)] * 3
    right = cut(images, np.arange(12), middles(images), (8, 8))
    kept, others = [], []
    for (_, one), (_, other) in zip(parts.batches(wanted), parts.batches(wanted[5:]), strict=False):
        kept.append(one)
        others.append(other)
    for own, start in ((kept, 0), (others, 5)):
        for place, batch in enumerate(own):
            assert torch.equal(batch[0], right[(start + place) % 12])
    for _ in range(20):  # left half-way
        left = parts.batches(wanted)
        next(left)
        left.close()
    del kept, others
    for place, (_, batch) in enumerate(parts.batches(wanted)):
        assert torch.equal(batch[0], right[place % 12])


def test_an_error_in_a_worker_is_the_error(photos):
    images = open_dataset("photos", Options("all", stream=True)).images
    parts = Parts(images, learner_for(images, (8, 8)))
    wanted = Wanted(np.arange(12), middles(images))
    assert next(parts.batches([wanted]))[1].shape == (12, 3, 8, 8)
    write(photos / "03.png", encoded(np.zeros((9, 9, 3), np.uint8)))
    with pytest.raises(CurateError, match=r"03\.png has changed since the dataset was opened"):
        list(parts.batches([wanted] * 5))


@pytest.mark.skipif(sys.platform != "linux", reason="threads, where processes do not fork")
class TestWorkers:
    """Workers are processes where images are read one by one."""

    def test_one_that_is_killed_ends_the_run_in_one_line(self, photos):
        images = open_dataset("photos", Options("all", stream=True)).images
        parts = Parts(images, learner_for(images, (8, 8)))
        wanted = Wanted(np.arange(12), middles(images))
        own = parts.batches([wanted] * 9)
        before = children()
        next(own)
        for worker in children() - before:
            os.kill(worker, signal.SIGKILL)
        with pytest.raises(CurateError, match="a process that decodes images was ended"):
            list(own)

    def test_they_end_with_what_they_work_for(self, photos):
        images = open_dataset("photos", Options("all", stream=True)).images
        parts, before = Parts(images, learner_for(images, (8, 8))), children()
        list(parts.batches([Wanted(np.arange(12), middles(images))]))
        assert children() > before
        del parts
        gc.collect()
        assert waited_for(lambda: children() <= before)

    def test_they_end_with_a_process_that_is_killed_and_ignore_an_interrupt(self, photos):
        running = subprocess.Popen(
            [sys.executable, "-c", ENDLESS],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, Path(__file__).parents[:2]))},
        )
        assert running.stdout is not None
        workers = {int(word) for word in running.stdout.readline().split()}
        assert workers
        for worker in workers:
            os.kill(worker, signal.SIGINT)
        assert running.stdout.readline() == "went on\n"
        running.kill()
        running.wait()
        assert waited_for(lambda: not any(os.path.exists(f"/proc/{worker}") for worker in workers))


ENDLESS = """
import os
import numpy as np
from test_parts import children, learner_for, middles
from curate.data.dataset import Options, open_dataset
from curate.training.parts import Parts, Wanted
images = open_dataset("photos", Options("all", stream=True)).images
own = Parts(images, learner_for(images, (8, 8))).batches([Wanted(np.arange(12), middles(images))] * 10**6)
next(own)
print(*children(), flush=True)
for number in range(50):
    next(own)
print("went on", flush=True)
for _ in own:
    pass
"""


def children():
    """The processes that this one has started, and that run."""
    own = set()
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/stat") as file:
                state, parent = file.read().rsplit(")", 1)[1].split()[:2]
        except (OSError, IndexError):
            continue
        if int(parent) == os.getpid() and state != "Z":
            own.add(int(entry))
    return own


def waited_for(condition):
    for _ in range(300):
        if condition():
            return True
        time.sleep(0.05)
    return False

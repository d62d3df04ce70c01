"""Room that processes share: a place is used again when nothing refers to it any more."""

import os

import numpy as np
import torch

from curate.training.room import Room


def test_what_another_process_writes_is_read_here():
    room = Room(2, 3, (4,), np.float32)
    place = room.take()
    child = os.fork()
    if child == 0:
        room.at(place, 1, 3)[:] = [[1, 2, 3, 4], [5, 6, 7, 8]]
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert room.give(place, 3).tolist() == [[0] * 4, [1, 2, 3, 4], [5, 6, 7, 8]]


def test_a_place_is_free_when_the_last_tensor_of_it_is_gone():
    room = Room(2, 1, (2,), np.uint8)
    first = room.take()
    batch = room.give(first, 1)
    row = batch[0]
    del batch
    second = room.take()
    assert {first, second} == {0, 1}
    assert room.take() is None
    del row
    assert room.take() == first


def test_of_the_last_place_a_copy_is_given_so_that_there_is_always_one():
    room = Room(2, 1, (2,), np.uint8)
    kept = []
    for number in range(6):
        place = room.take()
        room.at(place, 0, 1)[:] = number
        kept.append(room.give(place, 1))
    assert torch.cat(kept).tolist() == [[number] * 2 for number in range(6)]


def test_nothing_has_room():
    room = Room(1, 0, (3, 8, 8), np.uint8)
    assert room.give(room.take(), 0).shape == (0, 3, 8, 8)

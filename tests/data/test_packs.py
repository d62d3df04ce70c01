"""Opening a pack: its seal is checked, once, and what is damaged is refused."""

import os
import time

import pytest
from helpers.pictures import noise

import curate
from curate.data import kept as keeping
from curate.data import packs
from curate.data.dataset import open_dataset
from curate.errors import CurateError, DamagedError


@pytest.fixture
def packed(here):
    made = curate.Dataset.from_arrays(noise(20, 24, 24, 3), [number % 2 for number in range(20)])
    return curate.pack(made, output="p.safetensors").reference


@pytest.mark.parametrize("place", [100, -1, -5000])
def test_a_pack_that_is_damaged_is_refused(packed, place):
    with open("p.safetensors", "r+b") as file:
        file.seek(place, os.SEEK_END if place < 0 else os.SEEK_SET)
        value = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([value ^ 1]))
    with pytest.raises(CurateError):
        open_dataset("p.safetensors")


def test_a_seal_is_checked_once_and_again_after_a_change(packed, here, monkeypatch):
    monkeypatch.setenv("CURATE_CACHE", str(here / "cache"))
    monkeypatch.setattr(keeping, "SETTLED_NS", 20_000_000)
    time.sleep(0.05)
    checked, whole = [], packs.check_seal
    monkeypatch.setattr(packs, "check_seal", lambda path: (checked.append(path), whole(path)))
    open_dataset("p.safetensors")
    open_dataset("p.safetensors")
    assert len(checked) == 1
    with open("p.safetensors", "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x07")
    with pytest.raises(DamagedError, match="its content does not match its sha256"):
        open_dataset("p.safetensors")

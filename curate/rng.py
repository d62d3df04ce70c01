"""Named random streams: every random decision has a name, so no decision shifts another one.

`rng(seed, "order", epoch)` is the same stream in every run and process, whatever was drawn before.
"""

import hashlib

import numpy as np


def stream_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed for the stream called `names` of the run `seed` (fits torch and numpy)."""
    text = "/".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def rng(seed: int, *names: str | int) -> np.random.Generator:
    """A numpy generator (PCG64) for the stream called `names` of the run `seed`."""
    return np.random.Generator(np.random.PCG64(stream_seed(seed, *names)))

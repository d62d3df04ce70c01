"""Who a sample is: the uid from its content, the fingerprint of a dataset, and finding samples again."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import CurateError, MismatchError

Uids = npt.NDArray[np.uint64]
Labels = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int64]


def uid_of(content: bytes | npt.NDArray[np.generic], pixels: npt.NDArray[np.generic] | None) -> int:
    """The 64-bit uid of one sample, from its decoded pixels `[h, w, c]`, or from bytes when lossy."""
    if pixels is None:
        assert isinstance(content, bytes)
        return _hash64(b"encoded ", content)
    return _hash64(_described(pixels.dtype, pixels.shape), np.ascontiguousarray(pixels).data)


def uids_of_keys(keys: Iterable[str]) -> Uids:
    """The uids of samples that are known by a text of the user's, such as a path or an id, `[n]`.

    Two samples with one key are an error: they could not be told apart.
    """
    texts = [str(key) for key in keys]
    text, times = Counter(texts).most_common(1)[0] if texts else ("", 0)
    if times > 1:
        raise CurateError(f"{times:,} samples have the key '{text}': give each sample a key of its own")
    return np.array([_hash64(b"key ", text.encode()) for text in texts], np.uint64)


def of_rows(array: npt.NDArray[Any], rows: Indices) -> npt.NDArray[Any]:
    """The entries of an array at `rows`, sorted and unique: the array itself where these are all."""
    return array if len(rows) == len(array) else array[rows]


def fingerprint(uids: Uids, labels: Labels | None) -> str:
    """sha256 over uids and labels in order (little-endian), in hexadecimal."""
    digest = hashlib.sha256(np.ascontiguousarray(uids, "<u8").data)
    digest.update(b"unlabelled" if labels is None else np.ascontiguousarray(labels, "<i8").data)
    return digest.hexdigest()


def occurrences(uids: Uids) -> npt.NDArray[np.int64]:
    """For each sample, how many samples before it have the same uid: 0 for the first."""
    order = np.argsort(uids, kind="stable")
    ordered = uids[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(uids)])
    counts = np.empty(len(uids), np.int64)
    counts[order] = np.arange(len(uids)) - np.repeat(starts, lengths)
    return counts


def match(wanted: Uids, present: Uids) -> npt.NDArray[np.int64]:
    """For each wanted sample its row among the present ones, by uid and occurrence; −1 for none."""
    if len(present) == 0:
        return np.full(len(wanted), -1)
    keys = [np.rec.fromarrays([uids, occurrences(uids)]) for uids in (present, wanted)]
    order = np.lexsort((keys[0].f1, keys[0].f0))
    place = np.searchsorted(keys[0][order], keys[1])
    rows = order[np.minimum(place, len(order) - 1)]
    return np.where(keys[0][rows] == keys[1], rows, -1)


def bring(
    wanted: Uids,
    present: Uids,
    needed: npt.NDArray[np.bool_] | None = None,
    *,
    complaint: Callable[[npt.NDArray[np.bool_]], str],
) -> npt.NDArray[np.int64]:
    """The rows of `match`, for carrying values from one copy of a dataset to another.

    Where a wanted sample is missing, all of them or the `needed` ones, `[wanted]`, that is a MismatchError;
    `complaint` says what is wrong, given which are missing, bool `[wanted]`.
    """
    rows = match(wanted, present)
    missing = rows < 0 if needed is None else (rows < 0) & needed
    if missing.any():
        raise MismatchError(complaint(missing))
    return rows


def _hash64(kind: bytes, content: Any) -> int:
    digest = hashlib.blake2b(kind, digest_size=8)
    digest.update(content)
    return int.from_bytes(digest.digest(), "little")


@lru_cache(maxsize=256)
def _described(dtype: np.dtype[Any], shape: tuple[int, int, int]) -> bytes:
    """Type and shape of pixels, as they enter the uid; text is slow to make anew for every image."""
    height, width, channels = shape
    return f"{dtype} {height}x{width}x{channels} ".encode()

"""Images made for tests: noise, its encodings and files, and by hand what it is known by."""

import hashlib
import io
import struct
import tarfile
import time
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from curate.data.dataset import Dataset, Options

ALL = Options(split="all")


def noise(*shape: int, seed: int = 0, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def encoded(pixels: np.ndarray, kind: str = "PNG", mode: str | None = None, **options) -> bytes:
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    (image if mode is None else image.convert(mode)).save(buffer, kind, **options)
    return buffer.getvalue()


def png(*shape: int, seed: int = 0) -> bytes:
    """A PNG of noise."""
    buffer = io.BytesIO()
    Image.fromarray(noise(*shape, seed=seed)).save(buffer, "PNG")
    return buffer.getvalue()


def png_by_hand(width: int, height: int, bits: int, colour: int, rows: bytes | None) -> bytes:
    """A PNG by hand; without rows it is a header alone."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    data = b"" if rows is None else chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + data


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def npz(path: Path, images: np.ndarray, labels: list[int] | None = None) -> str:
    np.savez(path, x=images, **({} if labels is None else {"y": np.array(labels)}))
    return str(path)


def pixels_of(dataset: Dataset) -> np.ndarray:
    return dataset.images.read(np.arange(len(dataset)))


def uid_by_hand(pixels: np.ndarray) -> int:
    height, width, channels = pixels.reshape(*pixels.shape[:2], -1).shape
    content = f"{pixels.dtype} {height}x{width}x{channels} ".encode() + pixels.tobytes()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def fingerprint_by_hand(uids: list[int], labels: list[int] | None) -> str:
    packed = b"".join(struct.pack("<Q", uid) for uid in uids)
    packed += b"unlabelled" if labels is None else b"".join(struct.pack("<q", label) for label in labels)
    return hashlib.sha256(packed).hexdigest()


def tar(path: Path, contents: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> Path:
    """An archive, as the standard library writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=form) as archive:
        for name, content in contents.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    time.sleep(0.05)
    return path


def photographs(here: Path) -> Path:
    """Two classes of JPEGs of several sizes, with a train and a test split."""
    for split, n in (("train", 20), ("test", 8)):
        for number in range(n):
            image = noise(30 + number % 5, 40 - number % 3, 3, seed=number + 50 * (split == "test"))
            write(here / "photos" / split / "ab"[number % 2] / f"{number:02}.jpg", encoded(image, "JPEG"))
    return here / "photos"


def jpegs(folder, classes=("cat", "dog"), each=12, seed=0):
    chance = np.random.default_rng(seed)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(each):
            size = (int(chance.integers(20, 60)), int(chance.integers(20, 60)), 3)
            Image.fromarray(chance.integers(0, 256, size, dtype=np.uint8)).save(
                folder / name / f"{number}.jpg"
            )
    return folder

"""Images in tar shards as WebDataset has them: members of one key side by side, one of them an image.

    train-000.tar     n01440764/0001.jpg, n01440764/0001.cls, n01440764/0002.jpg, ...

The key is a member's path up to the first dot of its name. The label is in `.cls` (a number or a name), or in
`.json` under a name such as label; without them it is the folder in which the key lies, as in a folder of
class folders. Nothing is unpacked and no path is followed: an image is read from its place in the archive.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tarfile import BLOCKSIZE, NUL, HeaderError, TarInfo
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from curate.artifacts.arrow import array_of, column_of, texts_of, values_of
from curate.artifacts.header_schema import parsed
from curate.artifacts.reading import size_of
from curate.data.decoding import MOST_BYTES, CorruptImageError
from curate.data.kept import known
from curate.data.listing import SUFFIXES
from curate.data.shards import place_of
from curate.data.source import Request, Samples, Stamps, choose_splits, files_by_split, numbered_classes
from curate.errors import CurateError, DamagedError
from curate.progress import Progress
from curate.text import readable

LABEL_NAMES = ("label", "labels", "cls", "class", "target", "y")
_MOST_TALK, _LONGEST_WORD = 2**20, 1024  # bytes of a member that is no image; letters of a label
_COMPRESSED = {"gzip": b"\x1f\x8b", "xz": b"\xfd7zXZ", "bzip2": b"BZh", "zstd": b"\x28\xb5\x2f\xfd"}
_REGULAR = (b"0", NUL, b"7")
_LONG_NAME, _LONG_LINK, _PAX, _PAX_FOR_ALL = b"L", b"K", b"x", b"g"


@dataclass(frozen=True)
class Member:
    """A regular file in an archive: its path there, where its bytes begin, and how many they are."""

    name: str
    start: int
    size: int


@dataclass(frozen=True)
class Shard:
    """What an archive holds, `[n]` each: keys, where images begin, their bytes, and labels or nulls.

    `table` has them as columns of Arrow; `is_number` says which labels are numbers, and no names.
    """

    path: Path
    about: os.stat_result
    table: Any

    def column(self, name: str) -> npt.NDArray[Any]:
        """A column of numbers."""
        return values_of(self.table.column(name))


def read_tar(files: list[Path], top: Path, request: Request) -> Samples:
    """The samples of the split asked for; file names tell the split, or the names of folders below `top`."""
    by_split = files_by_split(files, top)
    chosen = choose_splits(by_split, request)
    shards = {path: known_shard(path, request.progress) for some in by_split.values() for path in some}
    own = [shards[path] for split in chosen for path in by_split[split]]
    ends = np.cumsum([shard.table.num_rows for shard in own], dtype=np.int64)
    starts = np.concatenate([shard.column("start") for shard in own])
    sizes = np.concatenate([shard.column("size") for shard in own])
    labels, classes = _numbered(list(shards.values()), own, request.reference)

    def place(row: int) -> tuple[Shard, int]:
        number = int(np.searchsorted(ends, row, side="right"))
        return own[number], row - (int(ends[number - 1]) if number else 0)

    def name(row: int) -> str:
        shard, within = place(row)
        return f"{shard.path}/{_shown(shard, within)}"

    def read(row: int) -> bytes:
        shard, _ = place(row)
        if sizes[row] > MOST_BYTES:
            raise CorruptImageError(f"{name(row)} has {sizes[row]:,} bytes: leave it out with --skip-corrupt")
        with open(shard.path, "rb") as file:
            now = os.fstat(file.fileno())
            if (now.st_size, now.st_mtime_ns) != (shard.about.st_size, shard.about.st_mtime_ns):
                raise CurateError(f"{shard.path} has changed since the dataset was opened: open it anew")
            return os.pread(file.fileno(), int(sizes[row]), int(starts[row]))

    return Samples(
        n=len(starts),
        read=read,
        name=name,
        labels=labels,
        classes=classes,
        split=chosen[0] if len(chosen) == 1 else request.split,
        why_no_labels="" if labels is not None else "Put .cls files beside the images of the archive.",
        stamps=_stamps(own, top, place_of(request.reference, top)),
    )


def known_shard(path: Path, progress: Progress) -> Shard:
    """What an archive holds, from the cache where it has not changed since it was looked at."""
    size_of(path)
    about = os.stat(path)
    return Shard(path, about, known("tar", [path], partial(look_into, path), progress))


def look_into(path: Path) -> Any:
    """The samples of an archive, from the headers of its members, as an Arrow table."""
    import pyarrow as pa

    rows = _Rows([], [], [], [], [])
    with open(path, "rb") as file:
        _check_plain(file, path)
        group = _Group("", [], None)
        for member in members(file, path, size_of(path)):
            key, ending = _parted(member.name)
            if key.rpartition("/")[2] == "":  # hidden
                continue
            if key != group.key:
                rows.add(group, path)
                group = _Group(key, [], None)
            if f".{ending.rpartition('.')[2]}" in SUFFIXES:
                group.images.append(member)
            elif ending in ("cls", "json") and group.label is None:
                group.label = _label(file, member, ending, path)
        rows.add(group, path)
    return pa.table(
        {
            "key": texts_of(rows.keys, pa.large_binary()),
            "start": column_of(rows.starts, pa.int64()),
            "size": column_of(rows.sizes, pa.int64()),
            "label": pa.array(rows.labels, pa.string()),
            "is_number": array_of(np.array(rows.are_numbers, np.uint8)),
        }
    )


@dataclass
class _Group:
    """The members of one key: images, and the label where one is told."""

    key: str
    images: list[Member]
    label: str | int | None


@dataclass
class _Rows:
    """The samples of an archive, as they are found."""

    keys: list[bytes]
    starts: list[int]
    sizes: list[int]
    labels: list[str | None]
    are_numbers: list[bool]

    def add(self, group: _Group, path: Path) -> None:
        """Add the image of a key; several of one key are samples of their own, if no label is of all."""
        if len(group.images) > 1 and group.label is not None:
            raise DamagedError(f"{path} has two images of the key {readable(group.key):.80}: name them apart")
        for image in group.images:
            key = group.key if len(group.images) == 1 else image.name.rpartition(".")[0]
            folder = group.key.rpartition("/")[0].rpartition("/")[2]
            label = (folder or None) if group.label is None else group.label
            self.keys.append(key.encode("utf-8", "surrogateescape"))
            self.starts.append(image.start)
            self.sizes.append(image.size)
            self.labels.append(None if label is None else readable(label))
            self.are_numbers.append(isinstance(label, int))


def members(file: BinaryIO, path: Path, size: int) -> Iterator[Member]:
    """The regular files of an archive, in order; one that is cut off, or no archive, is a DamagedError."""
    place, name, longer = 0, "", 0
    while place + BLOCKSIZE <= size:
        file.seek(place)
        block = file.read(BLOCKSIZE)
        if block.count(NUL) == BLOCKSIZE:
            return
        try:
            info = TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except HeaderError as problem:
            raise DamagedError(f"{path} is no tar file, or damaged ({problem}): make it anew") from None
        start = place + BLOCKSIZE
        info.size = longer or info.size
        if info.size < 0 or start + info.size > size:
            raise DamagedError(f"{path} is cut off in {readable(info.name):.80}: make it anew")
        place = start + -(-info.size // BLOCKSIZE) * BLOCKSIZE
        if info.type in (_LONG_NAME, _PAX):
            if info.size > _MOST_TALK:
                raise DamagedError(f"{path} has a name of {info.size:,} bytes: make it anew")
            content = file.read(info.size)
            if info.type == _LONG_NAME:
                name = content.rstrip(NUL).decode("utf-8", "surrogateescape")
            else:
                more = _pax(content)
                name, longer = more.get("path", name), _whole(more.get("size", "0"))
            continue
        if info.type in (_LONG_LINK, _PAX_FOR_ALL):
            continue
        if info.type in _REGULAR:
            yield Member(name or info.name, start, info.size)
        name, longer = "", 0
    if size % BLOCKSIZE or size == 0:
        raise DamagedError(f"{path} is cut off: make it anew")


def _check_plain(file: BinaryIO, path: Path) -> None:
    first = file.read(6)
    for kind, sign in _COMPRESSED.items():
        if first.startswith(sign):
            raise CurateError(f"{path} is compressed ({kind}), so no image in it can be found: decompress it")


def _pax(content: bytes) -> dict[str, str]:
    """What an extended header says, whose records are `LENGTH KEY=VALUE`, each with its line break."""
    said = {}
    while content:
        length, _, rest = content.partition(b" ")
        n = _whole(length.decode("ascii", "replace"))
        if not len(length) + 1 < n <= len(content):
            break
        key, _, value = rest[: n - len(length) - 2].partition(b"=")
        said[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        content = content[n:]
    return said


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 16 else 0


def _parted(name: str) -> tuple[str, str]:
    """The key of a member, and its ending in lower case."""
    folder, slash, last = name.rpartition("/")
    stem, _, ending = last.partition(".")
    return f"{folder}{slash}{stem}", ending.lower()


def _shown(shard: Shard, within: int) -> str:
    """The key of a sample as text."""
    return readable(shard.table.column("key")[within].as_py().decode("utf-8", "surrogateescape"))


def _label(file: BinaryIO, member: Member, ending: str, path: Path) -> str | int | None:
    """A number, or a name; None where a `.json` says nothing of it."""
    called = f"{path}/{readable(member.name)[:200]}"
    if member.size > _MOST_TALK:
        raise CurateError(f"{called} has {member.size:,} bytes: a label is shorter")
    file.seek(member.start)
    content = file.read(member.size)
    try:
        text = content.decode().strip()
        value: Any = text
        if ending == "json":
            about = parsed(text)
            found = [about[name] for name in LABEL_NAMES if name in about] if isinstance(about, dict) else []
            if not found:
                return None
            value = found[0]
    except (ValueError, RecursionError):
        raise CurateError(f"{called} is no readable label: write a number or a name") from None
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_WORD:
        return int(value) if value.isdecimal() and value.isascii() and len(value) < 16 else value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        return value
    raise CurateError(f"{called} is no label: write a number or a name")


def _numbered(
    everywhere: list[Shard], own: list[Shard], called: str
) -> tuple[npt.NDArray[np.int64] | None, list[str]]:
    """The labels of our shards as numbers, and the classes of all; (None, []) where none have any."""
    import pyarrow as pa
    import pyarrow.compute as pc

    labels = pa.concat_arrays([_labels_of(shard) for shard in own])
    if labels.null_count == len(labels):
        return None, []
    if labels.null_count:
        shard = next(shard for shard in own if _labels_of(shard).null_count)
        within = int(np.flatnonzero(_labels_of(shard).is_null().to_numpy(zero_copy_only=False))[0])
        raise CurateError(
            f"{called}: {labels.null_count:,} samples have no label, such as {_shown(shard, within)}"
        )
    used = pc.drop_null(pa.concat_arrays([pc.unique(_labels_of(shard)) for shard in everywhere]))
    if all(shard.column("is_number").all() for shard in everywhere):
        top = int(pc.max(used.cast(pa.int64())).as_py())
        return labels.cast(pa.int64()).to_numpy(), numbered_classes(top, len(labels), called)
    classes = sorted(set(used.to_pylist()))
    return pc.index_in(labels, value_set=pa.array(classes)).cast(pa.int64()).to_numpy(), classes


def _labels_of(shard: Shard) -> Any:
    return shard.table.column("label").combine_chunks()


def _stamps(shards: list[Shard], top: Path, place: str) -> Stamps:
    """What tells that images are what they were: their place in which archive, and how old that is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    keys, times = [], []
    for shard in shards:
        places = [pa.array(shard.column(name)).cast(pa.string()) for name in ("start", "size")]
        below = os.path.relpath(shard.path, top)
        keys.append(pc.binary_join_element_wise(below, *places, ":").cast(pa.large_binary()))
        times.append((shard.about.st_size, shard.about.st_mtime_ns, shard.about.st_ctime_ns))
    each = np.repeat(np.array(times, np.int64), [shard.table.num_rows for shard in shards], axis=0)
    return Stamps(
        place,
        pa.concat_arrays(keys),
        sizes=each[:, 0],
        modified=each[:, 1],
        changed=each[:, 2],
        each=np.concatenate([shard.column("size") for shard in shards]),
    )

"""The pages of a Parquet file: how much each unpacks to, from its own header, before any is unpacked.

What the footer says of a column can be a lie, and a page of a few kilobytes can claim two gigabytes. A header
is in the compact protocol of Thrift (apache/parquet-format, struct PageHeader).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from curate.errors import DamagedError

MOST_PAGE, MOST_TIMES = 256 * 2**20, 4  # bytes of a page, if it is not packed by less than so many times
_HEADER = (2**12, 2**24)  # bytes in which the header of a page is looked for
_MAGIC = b"PAR1"  # before the first page
_SIZES = {2: "unpacked", 3: "packed"}  # fields of the struct
_BOOL, _NUMBERS, _BINARY, _LISTS, _MAP, _STRUCT = (1, 2), (4, 5, 6), 8, (9, 10), 11, 12
_FIXED = {3: 1, 7: 8}  # bytes of a byte and of a double


def check_pages(
    path: str | Path, metadata: Any, groups: Sequence[int] | None = None, columns: Sequence[str] | None = None
) -> None:
    """Refuse a file of which a page unpacks to far more than it takes; of some row groups and columns alone.

    `metadata` is what pyarrow says of the file; columns are known by their path in the schema.
    """
    with open(path, "rb") as file:
        for group in range(metadata.num_row_groups) if groups is None else groups:
            about = metadata.row_group(group)
            for place in range(about.num_columns):
                column = about.column(place)
                if columns is None or column.path_in_schema in columns:
                    for unpacked, packed in _pages(file, column, path):
                        if unpacked > MOST_PAGE and unpacked > MOST_TIMES * packed:
                            what = f"a page of {packed:,} bytes that unpacks to {unpacked:,}"
                            raise DamagedError(f"{path} has {what}: it is not read")


def _pages(file: BinaryIO, column: Any, path: str | Path) -> Iterator[tuple[int, int]]:
    """The unpacked and the packed size of each page of a column chunk."""
    place = column.data_page_offset
    if column.has_dictionary_page and 0 < (column.dictionary_page_offset or 0) < place:
        place = column.dictionary_page_offset
    if column.num_values == 0 and place < len(_MAGIC):
        return  # of no rows there are no pages
    end = place + column.total_compressed_size
    while place < end:
        sizes, length = _header(file, place, path)
        unpacked, packed = sizes["unpacked"], sizes["packed"]
        if packed < 0 or unpacked < 0:
            raise DamagedError(f"{path} is not a readable Parquet file (a page of {packed:,} bytes)")
        yield unpacked, packed
        place += length + packed


def _header(file: BinaryIO, place: int, path: str | Path) -> tuple[dict[str, int], int]:
    """The sizes in the header of a page, and how long that is: usually short, but it may quote values."""
    for most in _HEADER:
        file.seek(place)
        header = _Reader(file.read(most))
        try:
            sizes = header.sizes()
        except (IndexError, RecursionError):
            continue
        if len(sizes) == len(_SIZES):
            return sizes, header.at
    raise DamagedError(f"{path} is not a readable Parquet file (a page has no header)")


class _Reader:
    """Reads the compact protocol; IndexError beyond the end."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def sizes(self) -> dict[str, int]:
        """The numbers of a struct that are sizes, and the reader is behind it."""
        found, field = {}, 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            if field in _SIZES and kind in _NUMBERS:
                found[_SIZES[field]] = self._signed()
            else:
                self._skip(kind)
        return found

    def _skip(self, kind: int, in_a_list: bool = False) -> None:
        if kind in _FIXED:
            self.at += _FIXED[kind]
        elif kind in _BOOL:
            self.at += in_a_list  # elsewhere its value is in the kind
        elif kind in _NUMBERS:
            self._varint()
        elif kind == _BINARY:
            n = self._varint()
            self.at += n
        elif kind == _STRUCT:
            self.sizes()
        else:
            self._skip_many(kind)
        if self.at > len(self.content):
            raise IndexError("beyond the end")

    def _skip_many(self, kind: int) -> None:
        """A list, a set or a map, and what is in it."""
        if kind in _LISTS:
            head = self._byte()
            n, kinds = self._varint() if head >> 4 == 15 else head >> 4, [head & 15]
        elif kind == _MAP:
            n = self._varint()
            both = self._byte() if n else 0
            kinds = [both >> 4, both & 15]
        else:
            raise IndexError(f"no kind {kind}")
        for _ in range(n):
            for one in kinds:
                self._skip(one, in_a_list=True)

    def _byte(self) -> int:
        self.at += 1
        return self.content[self.at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def _signed(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

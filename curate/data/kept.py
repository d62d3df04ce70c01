"""Tables that the cache keeps: sealed, of one version, and made anew where they are damaged or old."""

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any

from curate.artifacts.cache import cache_folder
from curate.artifacts.files import atomic_file
from curate.artifacts.reading import damage_as_one_line, open_parquet
from curate.artifacts.seal import UNSEALED, check_seal, seal_file
from curate.errors import CurateError, DamagedError
from curate.progress import Progress

VERSION = 2
GROUP = 1 << 15  # rows that are read at once
SETTLED_NS = 2_000_000_000  # how old a change is after which another will be seen for sure, in ns


def keep(path: Path, kind: str, tables: Iterable[Any], about: Mapping[str, Any]) -> None:
    """Write Arrow tables, one behind another and at least one, and what is said about them.

    They are made one at a time. Where the cache cannot be written to, it is left.
    """
    import pyarrow.parquet as pq

    tables = iter(tables)
    first = next(tables)
    header = {**about, "kind": kind, "version": VERSION, "sha256": UNSEALED}
    with suppress(OSError, CurateError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path, force=True) as temporary:
            schema = first.schema.with_metadata({"curate": json.dumps(header)})
            with pq.ParquetWriter(temporary, schema, compression="zstd", use_dictionary=False) as writer:
                for table in chain([first], tables):
                    writer.write_table(table.cast(schema), row_group_size=GROUP)
            seal_file(temporary)


def kept(path: Path, kind: str, progress: Progress) -> tuple[Any, dict[str, Any]] | None:
    """The table at a path as an opened file of Parquet, and what is said about it.

    None, which is said, where it is not whole.
    """
    if not path.is_file():
        return None
    try:
        with damage_as_one_line(path, "index", "it is made anew"):
            check_seal(path)
            file = open_parquet(path)
            about = json.loads(file.schema_arrow.metadata[b"curate"])
            if (about["kind"], about["version"]) != (kind, VERSION):
                raise DamagedError("of another version")
            return file, about
    except CurateError:
        progress.note(f"the index {path} is damaged or of another version: it is made anew")
        return None


def known(kind: str, files: Sequence[Path], make: Callable[[], Any], progress: Progress) -> Any:
    """The table that `make` makes of files, from the cache where none has changed since it was made.

    What is made of a file that had just changed is not kept: its next change might not be seen.
    """
    abouts = [os.stat(file) for file in files]
    times = [[about.st_size, about.st_mtime_ns, about.st_ctime_ns] for about in abouts]
    names = "\n".join(os.path.realpath(file) for file in files)
    name = blake2b(os.fsencode(names), digest_size=10).hexdigest()
    path = cache_folder() / "index" / f"{name}.{kind}.parquet"
    found = kept(path, kind, progress)
    if found and found[1]["times"] == times:
        return found[0].read()
    began = time.time_ns()
    table = make()
    if all(about.st_ctime_ns < began - SETTLED_NS for about in abouts):
        keep(path, kind, [table], {"times": times})
    return table

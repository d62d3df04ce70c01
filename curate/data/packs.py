"""A pack: the images of a dataset, decoded and brought to one size, in one file that is mapped into memory.

    images uint8 [n, h, w, c], uid, row and, where known, label [n]; the header says of which dataset

It has the uids of the images that it was made of, so every manifest of theirs fits it. Its seal is checked
when it is first opened on a machine, and where the file has changed since. Source: the idea is that of FFCV,
Leclerc et al. 2023.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.header import Header, read_header
from curate.artifacts.header_schema import parsed
from curate.artifacts.kinds import PACK
from curate.artifacts.reading import damage_as_one_line, size_of
from curate.artifacts.seal import check_seal
from curate.artifacts.tables import check_samples
from curate.artifacts.tensors import write_tensors
from curate.data.dataset import Dataset
from curate.data.decoding import Pixels
from curate.data.identity import Labels
from curate.data.kept import known
from curate.data.source import NoSplitError, Request, Samples
from curate.errors import DamagedError
from curate.progress import Progress


def write_pack(path: Path, header: Header, dataset: Dataset, chunks: Iterable[Pixels], force: bool) -> None:
    """Write the images of a dataset as they come, each chunk uint8 `[rows, h, w, c]`, in sample order."""
    columns: dict[str, npt.NDArray[Any]] = {"row": dataset.rows, "uid": dataset.uids}
    columns |= {} if dataset.labels is None else {"label": dataset.labels}
    shape = (len(dataset), *dataset.images.shape)
    write_tensors(path, header, columns, ("images", "uint8", shape), chunks, force)


def read_pack(path: Path, request: Request) -> Samples:
    """The samples of a pack; it holds the split that it was made of."""
    from safetensors import safe_open

    size_of(path)
    with damage_as_one_line(path, "pack", "make it again"):
        _check_seal_once(path, request.progress)
        file = safe_open(path, framework="numpy")
        header = read_header((file.metadata() or {}).get("curate"), path, (PACK,))
        names = set(file.keys())
        columns = {name: file.get_tensor(name) for name in ("label", "row", "uid") if name in names}
        images = _mapped(path)
        _check_tensors(images, columns, header, path)
    made_of = header.dataset
    if request.split not in (made_of.split, "all"):
        raise NoSplitError(
            f"{path} is the {made_of.split} split of {made_of.reference}: pack another, or --test"
        )
    labels: Labels | None = columns.get("label")
    return Samples(
        n=made_of.n,
        read=images.__getitem__,
        name=lambda row: f"{path}[{row}]",
        labels=labels,
        classes=made_of.classes,
        split=request.split,
        array=images,
        why_no_labels=f"{made_of.reference}, of which it was made, had none.",
        rows=columns.get("row"),
        n_rows=made_of.n_rows,
        uids=columns["uid"],
    )


def _mapped(path: Path) -> Pixels:
    """The images, mapped into memory from the place that the file's own header tells."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        about = parsed(file.read(length))["images"]
    if about["dtype"] != "U8":
        raise TypeError(f"its images are {about['dtype']}")
    place = 8 + length + about["data_offsets"][0]
    return np.memmap(path, np.uint8, "r", offset=place, shape=tuple(about["shape"]))


def _check_tensors(images: Pixels, columns: dict[str, npt.NDArray[Any]], header: Header, path: Path) -> None:
    """Refuse tensors that contradict one another or the header."""
    n = header.dataset.n
    if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape or len(images) != n:
        raise DamagedError(f"{path} has images {images.shape} for {n:,} samples: make it again")
    for name, column in columns.items():
        if column.dtype != (np.uint64 if name == "uid" else np.int64) or column.shape != (n,):
            raise DamagedError(f"{path} has a {name} {column.dtype} {column.shape} for {n:,} samples")
    check_samples({**columns, "index": np.arange(n)}, header, path)


def _check_seal_once(path: Path, progress: Progress) -> None:
    """Check the seal of a file that is not known to have been checked as it is now."""
    import pyarrow as pa

    def checked() -> Any:
        check_seal(path)
        return pa.table({"sealed": [True]})

    known("seal", [path], checked, progress)

"""pack: decode the images of a dataset once, and write them to one file that is read without decoding."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from curate.artifacts.files import check_ending
from curate.artifacts.header import make_header
from curate.artifacts.kinds import PACK
from curate.artifacts.standing import check_free, note_standing, stands
from curate.data.dataset import Dataset, Options, open_dataset, reference_of
from curate.data.decoding import Pixels
from curate.data.own import as_given
from curate.data.packs import write_pack
from curate.errors import CurateError
from curate.progress import LOGGED, Progress
from curate.verbs.naming import name_of, output_path

_AT_ONCE = 1024  # images


def pack(
    dataset: str | Path | Dataset,
    *,
    opening: Options = Options(),
    output: str | Path | None = None,
    force: bool = False,
    progress: Progress = LOGGED,
) -> Dataset:
    """Write the images of a dataset, of one size, to a file that is mapped into memory; returns it, opened.

    `opening.image_size` is the size; by default it is that at which curate opens the dataset. Uids, labels
    and rows are those of the dataset, so what was selected of one is selected of the other.
    """
    given = as_given(dataset, opening, progress)
    path = output_path(output, f"{name_of(reference_of(given), 'pack', opening=opening)}.safetensors")
    check_ending(path, ".safetensors")
    if path.suffix != ".safetensors":
        raise CurateError(f"{path} has no ending by which it is known again: name a .safetensors file")
    check_free(path, force, "pack")
    opened = open_dataset(given, opening, progress)
    height, width, channels = opened.images.shape
    sizes = {"height": height, "width": width, "channels": channels}
    header = make_header(PACK, "pack", sizes, seed=0, dataset=opened.header())
    if not force and stands(path, header.to_json()):
        note_standing(path, progress)
    else:
        write_pack(path, header, opened, _decoded(opened, progress), force)
    return open_dataset(str(path), Options(opened.options.split), progress)


def _decoded(opened: Dataset, progress: Progress) -> Iterator[Pixels]:
    rows = opened.present
    if len(rows) < len(opened):
        raise CurateError(
            f"{opened.reference} lacks {len(opened) - len(rows):,} of its samples: pack the whole"
        )
    with progress.task("pack", len(rows), "images"):
        for start in range(0, len(rows), _AT_ONCE):
            part = np.arange(start, min(start + _AT_ONCE, len(rows)))
            yield opened.images.read(part)
            progress.advance(len(part))

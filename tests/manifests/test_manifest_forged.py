"""Manifests whose seals and hashes are good, and that are bad all the same."""

import io
import json
import shutil
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.hub_desk import forged, made

from curate.errors import DamagedError
from curate.manifests.manifest import open_manifest


def test_files_that_only_look_good(tmp_path):
    """Hostile manifests, refused when opened, from wherever they come; none takes long or much memory."""
    n = 16_000_000
    zeros = pa.array(np.zeros(n, np.int64))
    columns = {"index": zeros, "uid": zeros.cast(pa.uint64()), **{f"c{place}": zeros for place in range(10)}}
    bomb = io.BytesIO()
    pages = {"data_page_size": 2**30, "max_rows_per_page": 2**30, "row_group_size": n}
    pq.write_table(pa.table(columns), bomb, compression="zstd", **pages)
    assert len(bomb.getvalue()) < 93_000

    def fresh(name):
        shutil.rmtree(tmp_path / "mine", ignore_errors=True)
        return made(tmp_path / "mine")

    folder = fresh("bomb")
    (folder / "samples.parquet").write_bytes(bomb.getvalue())
    forged(folder, dataset__n=n)
    started = time.monotonic()
    with pytest.raises(DamagedError, match=r"unpacks to .* MiB: it is not read"):
        open_manifest(folder)
    assert time.monotonic() - started < 20

    folder = fresh("words")
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(20, np.int32)), ["x" * 5000]).cast(pa.string())
    table = pq.read_table(folder / "samples.parquet").append_column("reason", long)
    pq.write_table(table, folder / "samples.parquet")
    forged(folder)
    with pytest.raises(DamagedError, match="reason has words beyond 1024 letters"):
        _ = open_manifest(folder).samples["reason"]

    folder = fresh("types")
    table = pq.read_table(folder / "samples.parquet").append_column("list", pa.array([[1]] * 20))
    pq.write_table(table, folder / "samples.parquet")
    forged(folder)
    with pytest.raises(DamagedError, match="columns of other types than samples have"):
        open_manifest(folder)

    folder = fresh("selection")
    pq.write_table(
        pa.table({"epoch": pa.array([0], pa.int32()), "index": ["0"]}), folder / "selection.parquet"
    )
    forged(folder)
    with pytest.raises(DamagedError, match="not those of a selection"):
        open_manifest(folder)

    folder = fresh("more")
    rows = {"epoch": pa.array(np.zeros(21, np.int32)), "index": pa.array(np.arange(21))}
    pq.write_table(pa.table(rows), folder / "selection.parquet")
    forged(folder)
    with pytest.raises(DamagedError, match="selects 21 samples in epoch 0, more than there are"):
        open_manifest(folder)

    for name in ("../outside", "/etc/passwd", "a/b"):
        folder = fresh("path")
        forged(folder, files={**json.loads((folder / "manifest.json").read_bytes())["files"], name: "0" * 64})
        with pytest.raises(DamagedError, match="names a file that is not its own"):
            open_manifest(folder)

    folder = fresh("without")
    forged(folder, files={})
    with pytest.raises(DamagedError, match=r"does not name selection\.parquet"):
        open_manifest(folder)

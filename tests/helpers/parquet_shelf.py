"""What the tests of Parquet share: six images, and a folder for files of them."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.pictures import noise, png

NAMES = ["circle", "square", "star"]
SIX = [png(4, 5, seed=seed) for seed in range(6)]
SIX_PIXELS = np.stack([noise(4, 5, seed=seed) for seed in range(6)])
SIX_LABELS = [2, 0, 1, 1, 0, 2]


@pytest.fixture
def shelf(tmp_path) -> Path:
    """A folder whose own name tells no split, as that of tmp_path may."""
    made = tmp_path / "shelf"
    made.mkdir()
    return made


def parquet(path: Path, columns: Mapping[str, object], features: object = None) -> str:
    made = pa.table(columns)
    if features is not None:
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(made, path)
    return str(path)

"""What the tests of scores share: a part of digits, and all that training two models on it gives."""

import numpy as np
import pytest

import curate
from curate import finder

SCORERS = finder.names("scorers")
TRAINED = [name for name in SCORERS if {"trace", "network"} & set(finder.load("scorers", name).reads)]
TRACED = [name for name in SCORERS if hasattr(finder.load("scorers", name), "from_trace")]
FP32 = {"precision": "fp32"}  # so that side by side is as one by one, but for rounding


@pytest.fixture(scope="session")
def some_digits():
    return curate.open_dataset("digits").take(np.arange(240))


@pytest.fixture(scope="session")
def scored(some_digits, tmp_path_factory):
    """Everything that training gives, of two models after two epochs, and their trace."""
    folder = tmp_path_factory.mktemp("scored")
    trace = folder / "trace.parquet"
    table = curate.score(
        some_digits,
        TRAINED,
        models=2,
        epochs=2,
        side_by_side=True,
        trace=trace,
        hyperparameters=FP32,
        output=folder / "all.parquet",
        seed=5,
    )
    return table, trace


def ranks(table):
    return table.header.columns

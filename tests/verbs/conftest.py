"""What the tests of verbs share: digits, and a short training on them, which tests must not change."""

import pytest
from helpers.trained import QUICK

import curate


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train") / "run"
    return curate.train("digits", hyperparameters=QUICK, seed=3, output=folder)


@pytest.fixture(scope="session")
def digits():
    return curate.open_dataset("digits")

"""What every scorer keeps to beside its laws, which the contract tests check."""

import pytest
from helpers.scored_digits import SCORERS

pytest_plugins = ["helpers.scored_digits"]


@pytest.mark.parametrize("name", SCORERS)
def test_a_scorer_is_named_in_the_help(name, cli):
    assert name in cli("score", "--help").out

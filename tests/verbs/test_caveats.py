"""What rankings agree by besides the samples: ties cut alike, and models in common."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.comparing import scores

from curate.artifacts.tables import open_table
from curate.verbs.compare import compare


def test_ties_that_a_budget_cuts_are_told_of_where_two_rankings_have_them(here):
    # Zeros are tied from place 2 on in a, from place 3 on in b, nowhere in c.
    a = scores(here / "a.parquet", [9, 8, 0, 0, 0, 0, 0, 0, 0, 0])
    b = scores(here / "b.parquet", [9, 8, 7, 0, 0, 0, 0, 0, 0, 0])
    c = scores(here / "c.parquet", range(10))
    budgets = (0.1, 2, 0.3, 4, "0.9", 1.0)
    assert compare(a, b, budgets=budgets).notes == [
        f"at a budget of 4, 0.9, equal values of {a}, {b} are cut by uid, alike in all: their overlap says "
        "less there than it seems"
    ]
    assert compare(a, c, budgets=budgets).notes == compare(a, b, budgets=(3,)).notes == []
    assert f"equal values of {a}, {b}, {a} and 1 more are cut" in compare(a, b, a, b, budgets=(4,)).notes[0]


@pytest.mark.parametrize(("other", "shared"), [  # models of seeds 4 to 13 are in a
    ({"seed": 7}, "7 models, of seeds 7 to 13: for independent scores use seeds 10 apart"),
    ({"seed": 9, "n_models": 20}, "5 models, of seeds 9 to 13: for independent scores use seeds 20 apart"),
    ({"seed": 2, "n_models": 3}, "1 models, of seeds 4 to 4: for independent scores use seeds 10 apart"),
    ({"seed": 14}, None), ({"seed": 4}, None), ({"seed": 7, "model": "lenet5"}, None),
    ({"seed": 7, "command": "cluster"}, None), ({"seed": 7, "parents": {"trace": "0"}}, None),
])  # fmt: skip
def test_models_in_common_are_told_of(here, other, shared):
    def made(name, seed=4, n_models=10, model="basic-cnn", **more):
        table = open_table(scores(here / name, np.random.default_rng(seed).normal(size=10).tolist()))
        options = {"n_models": n_models, "model": model, "method": name, "side_by_side": seed > 4}
        return replace(
            table,
            header=replace(table.header, **{"command": "score", "seed": seed, "options": options, **more}),
        )

    notes = compare(made("a"), made("b", **other)).notes
    assert notes == ([f"{here / 'a'} and {here / 'b'} share {shared}"] if shared else [])

"""Claims of a source: reproduced, not, or not clear, by differences worked out by hand."""

from dataclasses import replace

import pytest
from helpers.results import FULL, RANDOM, rows

from curate.recipes.claims import checked, problems
from curate.recipes.comparison import Comparison

SURE = rows("sure", [91.0, 91.2, 91.1])  # 1 above random for every seed
WAVERS = rows("wavers", [93.0, 90.2, 90.9])  # above it on average: 3.0, 0.0 and 0.8
TABLE = Comparison([*FULL, *RANDOM, *SURE, *WAVERS])


def claim(**more):
    return {"claim": "it is so", "than": ["random"], "keep": [0.3], **more}


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (claim(better="sure"), "reproduced"),
        (claim(better="wavers"), "reproduced in the mean, not clearly"),
        (claim(better="random", than=["sure"]), "not reproduced"),
        (claim(better="random", than=["wavers"]), "not clear"),
        (claim(better="sure", than=["random", "wavers"]), "not clear"),
        (claim(better="full", than=["sure", "random"]), "reproduced"),
        ({**claim(), "at-least": "wavers"}, "reproduced"),
        ({**claim(), "at-least": "sure"}, "reproduced"),
        ({**claim(), "at-least": "random", "than": ["wavers"]}, "not clear"),
        ({**claim(), "at-least": "random", "than": ["sure"]}, "not reproduced"),
        (claim(better="sure", keep=[0.3, 0.5]), "not run"),
        (claim(better="sure", n=7), "not run"),
        (claim(better="sure", n=1000), "reproduced"),
    ],
)
def test_what_became_of_a_claim(one, verdict):
    (made,) = checked([one], TABLE)
    assert made.verdict == verdict
    assert made.text == "it is so"


def test_a_claim_holds_where_it_holds_on_all_data_sets():
    there = {"dataset": "/data/mnist", "fingerprint": "o", "n": 500}
    both = Comparison([*RANDOM, *SURE, *(replace(row, **there) for row in (*SURE, *RANDOM))])
    assert [one.verdict for one in checked([claim(better="sure"), claim(better="sure", n=500)], both)] == [
        "reproduced",
        "reproduced",
    ]
    turned = [
        replace(row, name={"sure": "random", "random": "sure"}[row.name], **there) for row in (*SURE, *RANDOM)
    ]
    (made,) = checked([claim(better="sure")], Comparison([*RANDOM, *SURE, *turned]))
    assert made.verdict == "not reproduced"
    assert made.evidence[0].endswith("over random at keep 0.3 of digits")
    assert made.evidence[1].endswith("over random at keep 0.3 of mnist")


def test_the_evidence_is_told_in_numbers():
    (made,) = checked([claim(better="sure")], TABLE)
    assert made.evidence == ["+1.00 [+1.00, +1.00] over random at keep 0.3"]
    (made,) = checked([claim(better="sure", keep=[0.5])], TABLE)
    assert made.evidence == ["lacks sure or random at keep 0.5"]


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        (3, r"claims are tables: write \[\[report.claims\]\]"),
        ([claim()], "claim 1 needs one of better and at-least"),
        ([claim(better="sure"), {"claim": "c", "better": "a"}], "claim 2 lacks keep, than"),
        ([claim(better=3)], "claim 1: 'better' is unknown, or no name"),
        ([claim(better="a", then=[])], "claim 1: 'then' is unknown, or no part of one"),
    ],
)
def test_what_is_wrong_with_claims(claims, problem):
    import re

    (said,) = problems(claims)
    assert re.fullmatch(problem, said)


def test_claims_that_are_right_say_nothing():
    assert list(problems([claim(better="sure", n=3)])) == []

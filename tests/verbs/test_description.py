"""Reports: bins, shares and counts worked by hand."""

import numpy as np
import pytest

from curate.verbs.description import Bar, Chart, Description, counts, histogram, shares


def test_whole_numbers_have_bins_of_whole_numbers():
    few = histogram("few", np.array([0, 0, 1, 3]))
    assert [(bar.label, bar.value) for bar in few.bars] == [("0", 2), ("1", 1), ("2", 0), ("3", 1)]
    many = histogram("many", np.arange(24))
    assert [(bar.label, bar.value) for bar in many.bars[:2]] == [("0-1", 2), ("2-3", 2)]
    assert len(many.bars) == 12


@pytest.mark.parametrize(
    ("values", "bars"),
    [
        ([0.0, 0.1, 1.0], [("0 to 0.5", 2), ("0.5 to 1", 1)]),
        ([2.0, 2.0], [("2 to 2.5", 2), ("2.5 to 3", 0)]),
        ([], []),
    ],
)
def test_other_numbers_have_bins_of_equal_width(values, bars):
    result = histogram("it", np.array(values), n_bins=2)
    assert [(bar.label, bar.value) for bar in result.bars] == bars


def test_shares_are_of_each_group_and_none_of_nothing():
    result = shares("kept", ["cat", "dog"], [1, 0], [4, 0])
    assert result.bars == [Bar("cat", 0.25, " 25.0%  1 of 4"), Bar("dog", 0.0, "  0.0%  0 of 0")]
    assert result.full == 1


def test_a_report_is_plain_data():
    result = Description("it", [("samples", "1,000")], [counts("sizes", ["a"], [1000])]).as_dict()
    assert result["facts"] == {"samples": "1,000"}
    assert result["charts"] == [
        {
            "title": "sizes",
            "full": None,
            "bars": [{"label": "a", "value": 1000, "text": "1,000", "mark": None}],
        }
    ]
    assert Chart("nothing", []) == histogram("nothing", np.array([]))

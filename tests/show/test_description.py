"""Reports on the terminal: as wide as it is, and without Unicode and colour where it has none."""

import pytest


@pytest.mark.parametrize("width", [40, 60, 200])
def test_tables_and_charts_fit_the_terminal(process, digits_round, width):
    result = process("inspect", digits_round.manifest, COLUMNS=str(width))
    assert result.code == 0
    bars = [line for line in result.out.splitlines() if "█" in line]
    assert len(bars) > 10
    assert max(len(line) for line in bars) <= width


def test_output_without_unicode_and_colour(process, digits_round):
    result = process("inspect", digits_round.table, PYTHONIOENCODING="ascii", PYTHONUTF8="0", NO_COLOR="1")
    assert result.code == 0
    assert "####" in result.out
    assert "\x1b" not in result.out

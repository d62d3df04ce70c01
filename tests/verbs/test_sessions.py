"""inspect of sessions: counts with the fit, several trials together, groups per class."""

import json

import numpy as np
import pytest

import curate
from curate.errors import CurateError, MismatchError


def test_inspect_draws_counts_with_the_fit_and_breaks_down_by_class(digits_session):
    report = curate.inspect(digits_session, by="class")
    chart = next(c for c in report.charts if c.title.startswith("how many samples are selected how often"))
    assert sum(bar.value for bar in chart.bars) == 1443
    assert sum(bar.mark for bar in chart.bars) == pytest.approx(1443, rel=1e-3)
    per_class = [c for c in report.charts if c.title.endswith(", per class")]
    assert [c.title.split(",")[0] for c in per_class] == ["always", "sometimes", "never"]
    shares = np.array([[bar.value for bar in c.bars] for c in per_class])
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    json.dumps(report.as_dict())


def test_inspect_counts_several_trials_together(digits_session, cli):
    two = curate.inspect(digits_session, digits_session)
    chart = two.charts[0]
    once = curate.open_manifest(digits_session).samples["n_checkpoints_selected"]
    assert [bar.value for bar in chart.bars] == np.bincount(2 * once, minlength=11).tolist()  # 5 each
    result = cli("inspect", digits_session, digits_session)
    assert result.code == 0
    assert "2 sessions on digits" in result.out
    assert "(fit " in result.out


def test_sessions_that_do_not_belong_together_are_refused(digits_session, digits_round, tmp_path):
    with pytest.raises(CurateError, match="is static: only sessions"):
        curate.inspect(digits_session, digits_round.manifest)
    with pytest.raises(CurateError, match="no groups to break down"):
        curate.inspect(digits_round.manifest, by="class")
    with pytest.raises(CurateError, match="no way to break down by 'colour': use class"):
        curate.inspect(digits_session, by="colour")
    other = curate.train(
        "digits+per-class=40",
        policy="random",
        keep=0.5,
        hyperparameters={"n_epochs": 2},
        options={"width": 4},
        output=tmp_path / "other",
    )
    with pytest.raises(MismatchError):
        curate.inspect(digits_session, other.manifest.path)

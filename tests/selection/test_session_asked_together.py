"""What is asked for together and does not go together is refused, and the error says what to leave out."""

import pytest
from helpers.sessions import planned

from curate.errors import CurateError

EVERY_EPOCH = "has to be asked in every epoch: leave out --adapt"


@pytest.mark.parametrize(
    ("policy", "asked", "message"),
    [
        ("early-stop", {"keep": 0.75, "adapt": 0.5}, f"policy early-stop {EVERY_EPOCH}"),
        ("early-stop", {"keep": 0.75, "trust": 0.8}, "leaves nothing to a guard: leave out --trust"),
        ("infobatch", {"adapt": 0.5, "observe": "evaluation"}, f"policy infobatch {EVERY_EPOCH}"),
        ("infobatch", {"period": 5}, "policy infobatch selects in every epoch: leave out --period"),
        ("recorded", {"adapt": 0.5}, f"policy recorded {EVERY_EPOCH}"),
        ("recorded", {"period": 2}, "policy recorded selects in every epoch: leave out --period"),
        ("recorded", {"trust": 0.5}, "leaves nothing to a guard: leave out --trust"),
        ("random", {"keep": 0.9, "trust": 0.5}, "keep=0.9 is more than --trust 0.5 leaves: keep less"),
    ],
)
def test_what_does_not_go_together_is_refused(policy, asked, message):
    with pytest.raises(CurateError, match=message):
        planned(policy, 100, 8, **asked)

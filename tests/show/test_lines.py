"""Progress without a terminal: short work says nothing, long work says how far it is, and when it ends."""

import pytest

from curate.show.lines import Lines


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


def test_short_stages_say_nothing():
    said, clock = [], Clock()
    lines = Lines(said.append, clock=clock)
    with lines.task("read", 100, "images"):
        for second in range(5):
            clock.now = float(second)
            lines.advance(20)
    assert said == []


def test_a_long_stage_says_how_far_it_is_now_and_then_and_that_it_is_done():
    said, clock = [], Clock()
    lines = Lines(said.append, clock=clock)
    with lines.task("train lenet5", 4000, "samples"):
        for second in range(1, 81):
            clock.now = float(second)
            lines.advance(50, loss=1 / 3, model="3 of 4")
    assert said == [
        "train lenet5: 6% of 4,000 samples, 1:15 left, loss 0.3333, model 3 of 4",
        "train lenet5: 44% of 4,000 samples, 0:45 left, loss 0.3333, model 3 of 4",
        "train lenet5: 81% of 4,000 samples, 0:15 left, loss 0.3333, model 3 of 4",
        "train lenet5: done in 1:20",
    ]


def test_what_an_earlier_run_did_is_not_what_this_one_is_fast_at():
    said, clock = [], Clock()
    lines = Lines(said.append, clock=clock)
    with lines.task("train", 1000):
        lines.advance(900)
        clock.now = 3600.0
        lines.advance(1)
    assert said == ["train: 90% of 1,000, 99:00:00 left", "train: done in 1:00:00"]


def test_notes_are_said_and_what_may_be_a_slip_once():
    said = []
    lines = Lines(said.append)
    lines.note("skipped x.png")
    lines.ask("keep=3 is a count")
    lines.ask("keep=3 is a count")
    assert said == ["skipped x.png", "beware: keep=3 is a count"]


def test_the_first_seconds_of_a_stage_are_not_those_that_follow():
    """A warm-up of four seconds for one step, then ten steps a second: 100 of 1,000 done at 13.9 s."""
    said, now = [], [0.0]
    lines = Lines(said.append, clock=lambda: now[0])
    with lines.task("train", 1000, "steps"):
        now[0] = 4.0
        lines.advance()
        for _ in range(999):
            now[0] += 0.1
            lines.advance()
            if len(said) == 2:
                break
    left = [line.partition(", ")[2].partition(" left")[0] for line in said]
    assert left[0] in ("1:39", "1:40")
    assert left[1] in ("1:08", "1:09")
    assert now[0] == pytest.approx(35.0, abs=0.2)


def test_a_note_is_said_once():
    said = []
    lines = Lines(said.append)
    for text in ("a", "b", "a"):
        lines.note(text)
    assert said == ["a", "b"]


def test_a_stage_within_another_gives_its_place_back():
    said, now = [], [0.0]
    lines = Lines(said.append, clock=lambda: now[0])
    with lines.task("train", 100, "samples"):
        now[0] = 6.0
        lines.advance(10)
        with lines.task("decode", 10, "images"):
            now[0] = 20.0
            lines.advance(5)
        now[0] = 60.0
        lines.advance(40)
    assert [line.partition(" of")[0] for line in said] == [
        "train: 10%",
        "decode: 50%",
        "decode: done in 0:14",
        "train: 50%",
        "train: done in 1:00",
    ]

"""Progress where there is no terminal: a plain line of what takes long, how far it is, and the time left."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from curate.progress import Progress

FIRST, EVERY = 5.0, 30.0  # seconds: until a stage is worth a line, and from line to line
_MARK, _MARKS = 1.0, 30  # seconds from one note of what is done to the next, and how many are kept
_OF_ALL = ("said", "_say", "_clock", "_asked", "_noted")  # what is not a stage's own
_AT_ONCE = 0.1  # seconds after its begin: what is done by then was done by an earlier run


class Lines(Progress):
    """Lines for a log. Short stages say nothing."""

    def __init__(
        self, say: Callable[[str], None], said: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.said, self._say, self._clock = said, say, clock
        self._asked: set[str] = set()
        self._noted: set[str] = set()

    @contextmanager
    def task(self, label: str, total: int, unit: str = "") -> Iterator[None]:
        """A stage, also within another; where it took long enough to be spoken of, its end is said too."""
        around = {name: value for name, value in vars(self).items() if name not in _OF_ALL}
        self._label, self._total, self._unit = label, total, unit
        self._done = self._before = self._n_lines = 0
        self._live: dict[str, str] = {}
        self._began = self._said = self._clock()
        self._marks = [(self._began, 0)]
        yield
        if self._n_lines:
            self._say(f"{label}: done in {_in_words(self._clock() - self._began)}")
        vars(self).update(around)

    def advance(self, steps: int = 1, **live: float | str) -> None:
        """Count steps, and say a line where one is due."""
        now = self._clock()
        self._done += steps
        if now - self._began < _AT_ONCE:
            self._before = self._done
            self._marks = [(now, self._done)]
        elif now - self._marks[-1][0] >= _MARK:
            self._marks = [*self._marks[1 - _MARKS :], (now, self._done)]
        for name, value in live.items():
            self._live[name] = f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        if now - self._said >= (EVERY if self._n_lines else FIRST):
            self._said, self._n_lines = now, self._n_lines + 1
            self._say(self._line(now))

    def note(self, text: str) -> None:
        """A line of its own, once."""
        if text not in self._noted:
            self._noted.add(text)
            self._say(text)

    def ask(self, text: str) -> None:
        """A warning, once: there is nobody to ask."""
        if text not in self._asked:
            self._asked.add(text)
            self._say(f"beware: {text}")

    def _line(self, now: float) -> str:
        share = self._done / self._total if self._total else 0.0
        parts = [f"{share:.0%} of {self._total:,} {self._unit}".rstrip(), *self._live.values()]
        if self._done > self._before:
            since, done = self._marks[len(self._marks) // 2]  # the first seconds of a stage are slower
            if done == self._done:
                since, done = self._began, self._before
            left = (now - since) / (self._done - done) * (self._total - self._done)
            parts.insert(1, f"{_in_words(max(0.0, left))} left")
        return f"{self._label}: {', '.join(parts)}"


def _in_words(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

"""What the trials of a recipe say: every method at every budget, against the controls, honestly.

A method is compared with dynamic random at the same budget, seed by seed, or with static random where there
is no other. `better` and `worse` are said only
where that holds for all comparisons of the table together (Holm 1979, 5%). The other question is whether the
seconds that a method takes would have bought as much, spent on more random samples: random at equal cost is
read off the line through random at its budgets and full training. There, a sample trained on costs the same
for all, the mean over the table: trials that run at the same time slow each other down, by chance.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from curate.artifacts.results import Outcome, read_results
from curate.statistics import Difference, Spread, holm, interpolated, paired_difference, spread
from curate.verbs.naming import public
from curate.verbs.outcomes import seconds_of

FEWEST_TRIALS = 3
Budget = str | None  # what is kept, as the recipe says it; None for all


@dataclass(frozen=True)
class Cell:
    """The trials of one method at one budget, in order of their seeds."""

    rows: tuple[Outcome, ...]

    @property
    def accuracy(self) -> Spread:
        """Test accuracy after the last epoch, in 0..1."""
        return spread([row.accuracy for row in self.rows])

    @property
    def share(self) -> float:
        """The share of the samples that an epoch had, on average."""
        return sum(row.n_selected_per_epoch / row.n for row in self.rows) / len(self.rows)

    def seconds(self, scoring: bool = True) -> Spread | None:
        """Seconds of selecting and training, and of scoring if so asked; None where not known."""
        each = [seconds_of(row, scoring) for row in self.rows]
        known = [one for one in each if one is not None]
        return spread(known) if len(known) == len(each) else None

    @property
    def by_seed(self) -> dict[int, Outcome]:
        """The trials by their seeds."""
        return {row.seed: row for row in self.rows}


@dataclass(frozen=True)
class Against:
    """A method's cell against random at the same budget, and at the same cost; accuracies in 0..1.

    `verdict` is better, worse or level; `beats_equal_cost` is None where the cost is not known, or lies
    outside of what random was measured at.
    """

    method: str
    budget: Budget
    control: str
    difference: Difference
    n: int
    verdict: str
    equal_cost: Difference | None
    beats_equal_cost: bool | None
    time_share: float | None


class Comparison:
    """The rows of a results file as a table of methods by budgets.

    Only trials of the same data and network can be compared; where there are more, each of the `parts` is a
    comparison of its own.
    """

    def __init__(self, rows: Sequence[Outcome]) -> None:
        self.rows = rows
        self.cells: dict[tuple[str, Budget], Cell] = {}
        grouped: dict[tuple[str, Budget], list[Outcome]] = {}
        for row in rows:
            grouped.setdefault((row.name, budget_of(row)), []).append(row)
        for key, trials in grouped.items():
            self.cells[key] = Cell(tuple(sorted(trials, key=lambda row: row.seed)))

    @cached_property
    def parts(self) -> dict[str, "Comparison"]:
        """The comparisons of the same data and network, by name; if there is only one, its name is empty."""
        grouped: dict[tuple[str, str, str], list[Outcome]] = {}
        for row in self.rows:
            grouped.setdefault(_setting(row), []).append(row)
        if len(grouped) < 2:
            return {"": self}
        several_models = len({row.model for row in self.rows}) > 1
        parts: dict[str, Comparison] = {}
        for (data, test, model), rows in grouped.items():
            name = f"{public(rows[0].dataset)}, {model}" if several_models else public(rows[0].dataset)
            parts[f"{name} ({data[:8]}, test {test[:8]})" if name in parts else name] = Comparison(rows)
        return parts

    @cached_property
    def methods(self) -> list[str]:
        """The names of the methods: first what is judged, then the controls; as the recipe has them."""
        names = dict.fromkeys(row.name for row in self.rows)
        kinds = {row.name: control_of(row) for row in self.rows}
        return sorted(names, key=lambda name: CONTROLS.index(kinds[name] or ""))

    @cached_property
    def budgets(self) -> list[Budget]:
        """What is kept, from little to everything."""
        shares = {budget: cell.share for (_, budget), cell in self.cells.items() if budget is not None}
        ordered = sorted(shares, key=lambda budget: (shares[budget], budget))
        everything = any(budget is None for _, budget in self.cells)
        return [*ordered, *([None] if everything else [])]

    @cached_property
    def against_random(self) -> list[Against]:
        """Every method but full and the control itself, at every budget where random was run too."""
        compared = []
        for (name, budget), cell in self.cells.items():
            kind = next((one for one in RANDOM if self._control(one, cell, budget)), "")
            random = self._control(kind, cell, budget)
            if random is None or control_of(cell.rows[0]) in ("random", "full", kind):
                continue
            seeds = [seed for seed in cell.by_seed if seed in random.by_seed]
            if not seeds:
                continue
            ours = [cell.by_seed[seed].accuracy for seed in seeds]
            theirs = [random.by_seed[seed].accuracy for seed in seeds]
            compared.append((name, budget, cell, kind, paired_difference(ours, theirs), len(seeds)))
        significant = holm([difference.p_value for *_, difference, _ in compared])
        return [
            self._against(name, budget, cell, kind, difference, n, clear)
            for (name, budget, cell, kind, difference, n), clear in zip(compared, significant, strict=True)
        ]

    def _against(
        self, name: str, budget: Budget, cell: Cell, kind: str, difference: Difference, n: int, clear: bool
    ) -> Against:
        verdict = "level" if not clear else "better" if difference.mean > 0 else "worse"
        equal = self._at_equal_cost(cell)
        full, ours = self._control("full", cell, None), self._mean_cost(cell)
        of_full = self._mean_cost(full) if full else None
        return Against(
            method=name,
            budget=budget,
            control=kind.replace("-", " "),
            difference=difference,
            n=n,
            verdict=verdict,
            equal_cost=equal,
            beats_equal_cost=None if equal is None or equal.low is None else equal.low > 0,
            time_share=ours / of_full if ours is not None and of_full else None,
        )

    @cached_property
    def _seconds_per_sample(self) -> dict[tuple[Any, ...], float]:
        """Seconds of training per sample, over all trials that take steps of the same kind."""
        seconds: dict[tuple[Any, ...], float] = {}
        samples: dict[tuple[Any, ...], int] = {}
        for row in self.rows:
            if row.train_seconds is not None:
                kind = _step_of(row)
                seconds[kind] = seconds.get(kind, 0.0) + row.train_seconds
                samples[kind] = samples.get(kind, 0) + row.samples_seen
        return {kind: seconds[kind] / seen for kind, seen in samples.items() if seen}

    def _cost(self, row: Outcome) -> float | None:
        """Seconds of scoring and selecting as measured, and of training by the samples seen."""
        each, measured = self._seconds_per_sample.get(_step_of(row)), seconds_of(row)
        if each is None or measured is None:
            return None
        return measured - (row.train_seconds or 0.0) + each * row.samples_seen

    def _mean_cost(self, cell: Cell) -> float | None:
        costs = [self._cost(row) for row in cell.rows]
        known = [cost for cost in costs if cost is not None]
        return sum(known) / len(known) if len(known) == len(costs) else None

    def _at_equal_cost(self, cell: Cell) -> Difference | None:
        """The method minus random samples for the same seconds, seed by seed."""
        ours, theirs = [], []
        for seed, row in cell.by_seed.items():
            seconds = self._cost(row)
            line = [
                (cost, other.by_seed[seed].accuracy)
                for other in self._line(cell)
                if seed in other.by_seed and (cost := self._cost(other.by_seed[seed])) is not None
            ]
            bought = None if seconds is None else interpolated(seconds, line)
            if bought is not None:
                ours.append(row.accuracy)
                theirs.append(bought)
        return paired_difference(ours, theirs) if ours else None

    def _line(self, cell: Cell) -> list[Cell]:
        """Random at its budgets, and full: what seconds buy where nobody selects."""
        cells = [self._control("random", cell, budget) for budget in self.budgets if budget is not None]
        return [one for one in (*cells, self._control("full", cell, None)) if one is not None]

    def _control(self, kind: str, cell: Cell, budget: Budget) -> Cell | None:
        """A control of a method: same data and network, nothing varied that the method does not share."""
        ours = cell.rows[0]
        for (_, at), other in self.cells.items():
            row = other.rows[0]
            if (
                at == budget
                and _setting(row) == _setting(ours)
                and control_of(row) == kind
                and _context(row) <= _context(ours)
            ):
                return other
        return None

    @property
    def warnings(self) -> list[str]:
        """What makes a table mean less than it seems to."""
        texts = []
        cells = [cell for part in self.parts.values() for cell in part.cells.values()]
        few = min((len(cell.rows) for cell in cells), default=0)
        if few < FEWEST_TRIALS:
            texts.append(
                f"some cells have {few} trial{'s' * (few != 1)}: fewer than {FEWEST_TRIALS} say little"
            )
        mixed = next((cell.rows[0].name for cell in cells if len(cell.by_seed) < len(cell.rows)), None)
        if mixed is not None:
            texts.append(f"trials of {mixed} differ in more than their seed, and are taken together")
        for what, values in (
            ("devices", {row.device for row in self.rows}),
            ("machines", {row.machine for row in self.rows}),
            ("numbers of threads", {str(row.n_threads) for row in self.rows}),
            ("versions", {row.versions for row in self.rows}),
        ):
            if len(values) > 1:
                texts.append(f"trials of {len(values)} {what} are mixed: their seconds are not comparable")
        return texts


def comparison_of(paths: Sequence[str | Path]) -> Comparison:
    """The trials of several results files as one table; a trial that several of them have counts once.

    A method of the same name in several files is told apart by the file's name, unless it is a control.
    """
    rows: dict[str, tuple[str, Outcome]] = {}
    for path in paths:
        for row in read_results(path):
            rows.setdefault(row.key, (Path(path).stem, row))
    files: dict[str, set[str]] = {}
    for file, row in rows.values():
        files.setdefault(row.name, set()).add(file)
    return Comparison(
        [
            row if len(files[row.name]) == 1 or control_of(row) else replace(row, name=f"{row.name} ({file})")
            for file, row in rows.values()
        ]
    )


CONTROLS = ("", "full", "early-stop", "random", "static-random")
RANDOM = ("random", "static-random")  # what a method is compared with: the first of them that there is
_UNLIKE = ("adapt", "trust", "warm_up", "class_floor")


def control_of(row: Outcome) -> str | None:
    """Which control a trial is, by what it did; None for what is judged."""
    settings: dict[str, Any] = json.loads(row.settings)
    if row.command == "replay":
        control = settings.get("control")
        return "static-random" if control == "random" and len(settings["sizes"]) == 1 else control
    policy, session = settings.get("policy"), settings.get("session", {})
    if any(name in session for name in _UNLIKE) or session.get("budget", "epochs") != "epochs":
        return None
    if policy == "random":
        once = session.get("period") == settings["hyperparameters"]["n_epochs"]
        return "static-random" if once else "random"
    return policy if policy in ("full", "early-stop") else None


def budget_of(row: Outcome) -> Budget:
    """What a trial keeps, as its recipe says it; else as a share of the samples; None for everything."""
    kept = json.loads(row.varied).get("keep")
    if kept is not None:
        return str(kept)
    share = row.n_selected_per_epoch / row.n
    return None if share >= 1 or control_of(row) == "full" else f"{share:.3g}"


def _setting(row: Outcome) -> tuple[str, str, str]:
    """What trials must share to be compared: the samples, those of the test, and the network."""
    return row.fingerprint, row.test_fingerprint, row.model


def _step_of(row: Outcome) -> tuple[Any, ...]:
    """What the seconds of a step of training depend on, beside the network and the images."""
    hyperparameters = json.loads(row.settings).get("hyperparameters", {})
    named = ("batch_size", "precision", "augment", "optimizer")
    return row.device, row.n_threads, *(hyperparameters.get(name) for name in named)


def _context(row: Outcome) -> set[tuple[str, str]]:
    varied: Mapping[str, Any] = json.loads(row.varied)
    return {(name, json.dumps(value)) for name, value in varied.items() if name != "keep"}


def verdicts(comparison: Comparison) -> dict[str, str]:
    """A sentence for every method: where it is better or worse than random, and at what cost.

    Where there are several parts, each has sentences of its own, under the method and the part.
    """
    return {
        name if not about else f"{name}, {about}": sentence
        for about, part in comparison.parts.items()
        for name, sentence in _verdicts(part).items()
    }


def _verdicts(comparison: Comparison) -> dict[str, str]:
    sentences = {}
    for name in comparison.methods:
        own = [one for one in comparison.against_random if one.method == name]
        if not own:
            continue
        parts = []
        for verdict in ("better", "worse"):
            clear = [one for one in own if one.verdict == verdict]
            parts += [
                f"{verdict} than {one.control} at keep {one.budget} ({in_numbers(one)})" for one in clear
            ]
        for control in dict.fromkeys(one.control for one in own if one.verdict == "level"):
            level = [one for one in own if (one.verdict, one.control) == ("level", control)]
            told = ", ".join(_at(one) + f"({_interval(one)})" for one in level)
            parts.append(
                f"no clear difference to {control}{' at keep' * (level[0].budget is not None)} {told}"
            )
        sentences[name] = "; ".join(parts)
    return sentences


def _at(one: Against) -> str:
    return "" if one.budget is None else f"{one.budget} "


def _interval(one: Against) -> str:
    """`+0.80 [+0.30, +1.20]`, in points."""
    text = f"{100 * one.difference.mean:+.2f}"
    if one.difference.low is not None and one.difference.high is not None:
        text += f" [{100 * one.difference.low:+.2f}, {100 * one.difference.high:+.2f}]"
    return text


def in_numbers(one: Against) -> str:
    """`+0.8 [+0.3, +1.2], for 0.31 of the time of full, ahead of random at equal cost`."""
    text = _interval(one)
    if one.time_share is not None:
        text += f", for {one.time_share:.2f} of the time of full"
    if one.beats_equal_cost is not None:
        ahead = "ahead of" if one.beats_equal_cost else "not ahead of"
        text += f", {ahead} random at equal cost"
    return text

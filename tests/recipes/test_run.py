"""run: a recipe is carried out once, and ends in the same table however often it was cut."""

import json
import threading
from dataclasses import asdict

import pytest

from curate.artifacts.results import about_results, read_results
from curate.errors import CurateError
from curate.recipes import run as room
from curate.recipes import work
from curate.recipes.run import name_of, plan, run
from curate.recipes.workers import Workers

pytestmark = pytest.mark.usefixtures("in_threads")
SECONDS = {"scoring_seconds", "select_seconds", "train_seconds", "evaluate_seconds"}


def table(path):
    return [
        {name: value for name, value in asdict(row).items() if name not in SECONDS}
        for row in read_results(path)
    ]


@pytest.fixture
def worked(monkeypatch):
    """The tasks that were really carried out, by step; the plug is pulled in the midst of task `stop`."""
    done, stop = [], []
    lock = threading.Lock()

    def watching(name):
        verb = work._VERBS.get(name, work._on_parent)

        def watched(store, task, parents):
            with lock:
                done.append(task.step)
                if len(done) in stop:
                    raise KeyboardInterrupt
            verb(store, task, parents)

        return watched

    verbs = ("embed", "cluster", "score", "select", "train", "replay")
    monkeypatch.setattr(work, "_VERBS", {name: watching(name) for name in verbs})
    return done, stop


def test_every_trial_is_a_row_named_as_the_recipe_does(written):
    result = run(written())
    rows = read_results(result.path)
    assert result.path.name == "small.parquet"
    assert len(rows) == 8 + 4 + 2 + 4
    names = {(row.name, json.loads(row.varied).get("keep"), row.seed) for row in rows}
    assert len(names) == len(rows)
    assert {name for name, _, _ in names} == {"furthest", "closest", "dynamic", "full", "random"}
    assert about_results(result.path)["title"] == "Small"
    assert about_results(result.path)["steps"]["selected"]["strategy"] == ["furthest", "closest"]
    assert len({row.weights_sha256 for row in rows}) == len(rows)


def test_a_second_run_does_nothing_and_a_changed_line_only_what_depends_on_it(written, worked):
    done, _ = worked
    run(written())
    first = table("small.parquet")
    count = len(done)
    run(written())
    assert len(done) == count
    assert table("small.parquet") == first
    run(written(**{"k = 5": "k = 6"}))
    assert set(done[count:]) == {"clusters", "selected", "static"}
    count = len(done)
    run(written(name="other.toml", **{"k = 5": "k = 6", "[0.1, 0.3]": "[0.3]"}))
    assert len(done) == count
    assert len(read_results("other.parquet")) == 4 + 2 + 2 + 2


def test_cut_anywhere_it_goes_on_and_ends_in_the_same_table(written, worked):
    done, stops = worked
    stops += [1, 6, 20]
    kept = []
    for stop in tuple(stops):
        with pytest.raises(KeyboardInterrupt):
            run(written())
        assert len(done) == stop
        kept.append(len(read_results("small.parquet")))
    run(written())
    assert len(done) == 24 + 3  # all once, and those that were cut twice
    assert all(n_rows <= stop for n_rows, stop in zip(kept, (1, 6, 20), strict=True))
    assert kept == sorted(kept)
    assert kept[-1] < 18
    cut = table("small.parquet")
    run(written(), store="another", output="undisturbed.parquet")
    assert cut == table("undisturbed.parquet")


def test_a_failed_task_leaves_out_what_builds_on_it_and_the_others_go_on(written):
    recipe = written(**{"k = 5": "k = [5, 100000]", 'title = "Small"': 'title = "Small"'})
    result = run(recipe)
    reasons = {name_of(result.plan.tasks[id_]): reason for id_, reason in result.failed.items()}
    assert "k=100000 is out of range" in reasons["[clusters], k 100000"]
    assert (
        reasons["[selected], k 100000, strategy furthest, keep 0.1"]
        == "builds on [clusters], k 100000, which failed"
    )
    assert len(read_results("small.parquet")) == 18
    again = run(written(**{"k = 5": "k = [5, 6]"}))
    assert again.failed == {}
    assert len(read_results("small.parquet")) == 18 + 8


def test_a_fault_of_a_task_is_told_with_its_kind(written, monkeypatch):
    def faulty(store, task, parents):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(
        work, "_VERBS", {"embed": faulty, **{k: v for k, v in work._VERBS.items() if k != "embed"}}
    )
    result = run(written())
    assert "unexpected ZeroDivisionError (by zero)" in result.failed.values()
    full = [OSError(28, "No space left on device", "x")]

    def filled(store, task, parents):
        raise full[0]

    monkeypatch.setattr(work, "_VERBS", {**work._VERBS, "embed": filled})
    assert "No space left on device (x)" in run(written()).failed.values()


class Lost(Exception):
    """A worker is gone."""


@pytest.mark.parametrize(("times", "fails"), [(1, False), (2, True)])
def test_a_lost_worker_is_forgiven_once_and_its_task_then_runs_alone(times, fails, written, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor
    from contextlib import contextmanager

    renewed, lost, together = [], [], []
    real = room.carry_out

    def losing(store, task, parents, n_threads):
        together.append((task.step, threading.active_count()))
        if task.step == "dynamic" and task.seed == 0 and len(lost) < times and task.varied["keep"] == 0.1:
            lost.append(task)
            raise Lost
        return real(store, task, parents, n_threads)

    @contextmanager
    def threads(jobs):
        with ThreadPoolExecutor(jobs) as pool:
            yield Workers(pool, jobs, None, (Lost,), lambda: renewed.append(1) or ThreadPoolExecutor(jobs))

    monkeypatch.setattr(room, "processes", threads)
    monkeypatch.setattr(room, "carry_out", losing)
    result = run(written(), jobs=2)
    assert len(renewed) == times
    if fails:
        (reason,) = result.failed.values()
        assert reason == "its worker was lost 2 times: does it need more memory?"
    else:
        assert result.failed == {}
        assert len(result.rows) == 18


def test_a_plan_tells_what_is_done_and_how_long_the_rest_takes(written):
    before = plan(written())
    assert before.done == frozenset()
    assert before.seconds_left(1) == (0.0, 24)
    run(written(), only=["selected"])
    after = plan(written())
    assert {after.tasks[id_].step for id_ in after.done} == {"vectors", "clusters", "selected"}
    _, n_unknown = after.seconds_left(1)
    assert n_unknown == 18
    run(written())
    assert plan(written()).seconds_left(1) == (0.0, 0)
    longer = plan(written(**{"trials = 2": "trials = 3"}))
    seconds, n_unknown = longer.seconds_left(2)
    assert n_unknown == 0
    assert seconds == pytest.approx(longer.seconds_left(1)[0] / 2)
    assert seconds > 0


def test_data_that_are_missing_are_planned_with_and_not_run_with(written):
    recipe = written(**{'data = "digits"': 'data = "mnist"'})
    planned = plan(recipe, missing_data=True)
    assert len(planned.tasks) == 24
    assert planned.unknown_data == (
        "mnist is not whole in data/: fetch it with --download, or name its folder with --root",
    )
    with pytest.raises(CurateError, match="mnist is not whole in data/"):
        run(recipe)
    assert len(plan(recipe, values={"data": "digits"}).tasks) == 24


def test_what_cannot_be_written_is_refused_before_any_work(written, here, worked):
    (here / "small.parquet").write_text("mine")
    with pytest.raises(CurateError, match="is not a readable results file"):
        run(written())
    (here / "file").write_text("")
    with pytest.raises(CurateError, match="file is a file: name a folder with --store"):
        run(written(), store="file", output="other.parquet")
    assert worked[0] == []


def test_a_view_is_told_of_everything(written):
    seen = []
    run(written(), watch=lambda state: seen.append((len(state.done), len(state.running), state.waiting)))
    assert seen[0] == (0, 0, 24)
    assert seen[-1] == (24, 0, 0)
    assert all(sum(counts) == 24 for counts in seen)

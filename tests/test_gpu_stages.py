"""The stages for a day at a GPU: what is done stays done, and stand-ins of all of them run on a CPU."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import gpu
import numpy as np
import pytest
import torch
from gpu_stages import (
    commands,
    decoding,
    kmeans_on_torch,
    marked_tests,
    paper,
    ranks,
    side_by_side,
    throughput,
)
from gpu_stages.commands import Step, run_steps
from gpu_stages.day import STAND_IN, Day, Stage, each

SCRIPT = Path(gpu.__file__)


def a_day(folder, seconds=600.0, **more):
    work, out = folder / "work", folder / "out"
    work.mkdir(exist_ok=True)
    out.mkdir(exist_ok=True)
    return Day("cpu", "a card", STAND_IN, "digits", "digits", work, out, time.monotonic() + seconds, **more)


def a_stage(cells, measure, of_card=True):
    return Stage("one", "One", 1, of_card, lambda size: cells, each(measure, 10), lambda results: [])


def test_a_day_goes_on_after_what_is_known_and_after_errors(tmp_path):
    def measure(cell, day):
        if cell == "b":
            raise ValueError("no such kernel")
        return {"value": cell}

    other = {"stage": "one", "cell": "c", "card": "another card", "value": "c"}
    before = {"stage": "one", "cell": "a", "card": "a card", "value": "a"}
    day = a_day(tmp_path, known=(before, other))
    stage = a_stage(["a", "b", "c"], measure)
    assert gpu._run([stage], day) == 1
    lines = [json.loads(line) for line in (day.out / "gpu.jsonl").read_text().splitlines()]
    assert [line["cell"] for line in lines] == ["b", "c"]
    assert lines[0]["error"] == "ValueError: no such kernel"
    assert lines[1]["card"] == "a card"
    again = a_day(tmp_path, known=gpu._known(None, day.out) + day.known)
    assert gpu._wanted(stage, again) == ["b"]  # what failed is tried again
    assert gpu._wanted(a_stage(["a", "b", "c"], measure, of_card=False), day) == ["b"]


def test_nothing_begins_that_time_does_not_suffice_for(tmp_path):
    stage = a_stage(["a", "b"], lambda cell, day: {})
    assert list(stage.run(["a", "b"], a_day(tmp_path, seconds=9))) == []
    assert [result["cell"] for result in stage.run(["a", "b"], a_day(tmp_path, seconds=99))] == ["a", "b"]


def test_steps_come_after_what_they_need_and_what_is_kept_comes_back(tmp_path):
    def making(name):
        return lambda folder: (folder / name).write_text(name)

    scores = Step("scores", making("scores"), "scores", kept=True)
    chosen = Step("chosen", making("chosen"), "chosen", (scores,))
    run = Step("run", ("methods-that-are-not-there",), "run", (chosen,))
    day = a_day(tmp_path)
    (result,) = run_steps([run], day)
    assert "there is no command 'methods" in result["error"]
    assert (day.work / "artifacts" / "chosen").exists()
    (day.out / "scores").write_text("from another machine")
    elsewhere = a_day(tmp_path / "work")
    (elsewhere.out / "scores").write_text("from another machine")
    folder = elsewhere.work / "artifacts"
    folder.mkdir()
    assert commands._with_needs([run], elsewhere, folder) == [chosen, run]
    assert (folder / "scores").read_text() == "from another machine"


def test_as_many_runs_go_at_once_as_were_fastest_on_this_card(tmp_path):
    known = [
        {"stage": "throughput", "cell": f"{n} at once, batch 128", "card": card, "images_a_second": [speed]}
        for n, card, speed in [(1, "a card", 10), (3, "a card", 17), (2, "a card", 15), (4, "another", 99)]
    ]
    assert commands._best_at_once(a_day(tmp_path, known=tuple(known))) == 3
    assert commands._best_at_once(a_day(tmp_path)) == 2


def test_the_torch_seam_of_kmeans_assigns_as_counting_does():
    chance = np.random.default_rng(0)
    vectors, centroids = chance.normal(size=(300, 5)).astype(np.float32), chance.normal(size=(7, 5))
    data = kmeans_on_torch.OnDevice(torch.from_numpy(vectors))
    nearest, distance, sums = data.assign_to(centroids)
    by_hand = ((vectors[:, None] - centroids[None]) ** 2).sum(2)
    np.testing.assert_array_equal(nearest, by_hand.argmin(1))
    np.testing.assert_allclose(distance, by_hand.min(1), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(sums, [vectors[nearest == k].sum(0) for k in range(7)], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(data.get_subset([3, 1]), vectors[[3, 1]])


def test_results_become_a_page_and_no_results_do_not(tmp_path):
    results, empty = tmp_path / "results", tmp_path / "empty"
    common = {"card": "a card", "machine": "a machine"}
    known = [
        {"stage": "tests", "cell": "tests marked gpu", "passed": 16, "failing": [], **common},
        {"stage": "throughput", "cell": "engine, batch 128", "images_a_second": [90.0, 110.0], "share": 0.41}
        | {"device_tflops": 700.0, **common},
        {
            "stage": "throughput",
            "cell": "cost at keep 0.3",
            "seconds": {"full": [10.0], "random": [3.4]},
            **common,
        },
        {"stage": "paper", "cell": "ucb, keep 0.2, seed 0", "test_accuracy": 0.9, "test_worst_class": 0.8}
        | {"samples_seen": 2_000_000, **common},
        {"stage": "paper", "cell": "ucb, keep 0.2, seed 1", "error": "out of memory", **common},
        {"stage": "ranks", "cell": "train", "seconds": {"1": 7.5, "2": 5.0}, "n_gpus": 1}
        | {"selected alike": 0.999, **common},
        {"stage": "ranks", "cell": "embed", "seconds": {"1": 3.0, "2": 2.0}, "n_gpus": 1}
        | {"differ by": 3e-7, **common},
    ]
    gpu._pages(tuple(known), results)
    page = (results / "gpu.md").read_text()
    assert "a card: 16 passed." in page
    assert "| engine, batch 128 | 100 ± 14 (2) | 41.0% | 700 |" in page
    assert "| random | 3.40 ± 0.00 (1) | 0.340 ± 0.000 (1) |" in page
    assert "| ucb, keep 0.2 | 90.00 ± 0.00 (1) | 80.00 ± 0.00 (1) | 2.00 |" in page
    assert "| train | a card | 1 | 7.5 | 5.0 | 99.9% selected alike |" in page
    assert "| embed | a card | 1 | 3.0 | 2.0 | differ by 3.0e-07 |" in page
    assert len((results / "gpu.jsonl").read_text().splitlines()) == 7
    with pytest.raises(SystemExit, match="no results of a GPU"):
        gpu._pages((), empty)
    assert not (empty / "gpu.md").exists()


def stand_in(folder, *more, minutes=20):
    words = ["--stand-in", "--minutes", minutes, "--out", folder / "out", "--work", folder / "work", *more]
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )


def test_the_stages_stand_in_order_of_worth(tmp_path):
    listed = stand_in(tmp_path, "--list")
    assert listed.returncode == 0, listed.stderr
    names = [line.split()[0] for line in listed.stdout.splitlines()[2:]]
    stages = (marked_tests.STAGE, throughput.STAGE, paper.SETTING, paper.TABLE)
    stages += (side_by_side.STAGE, kmeans_on_torch.STAGE, decoding.STAGE, ranks.STAGE)
    assert names == [*(stage.name for stage in stages), "next:"]


def test_without_a_gpu_it_says_so(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    done = subprocess.run(
        [sys.executable, SCRIPT, "--carry", tmp_path, "--work", tmp_path / "work"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "torch sees no GPU" in done.stderr


@pytest.mark.slow
def test_it_needs_no_installed_curate(tmp_path):
    site = [path for path in sys.path if path.endswith("site-packages")]  # its .pth files are not read there
    done = subprocess.run(
        [
            sys._base_executable,
            SCRIPT,
            "--stand-in",
            "--stages",
            "decoding",
            "--minutes",
            "3",
            "--out",
            tmp_path / "out",
            "--work",
            tmp_path / "work",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(site)},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all is done" in done.stdout


@pytest.mark.slow
def test_all_stages_run_as_stand_ins_and_go_on_where_they_were(tmp_path):
    first = stand_in(tmp_path, "--stages", "paper", minutes=0.7)  # time for a few of its runs
    assert first.returncode == 0, first.stdout + first.stderr
    assert "next: paper" in first.stdout
    second = stand_in(tmp_path)
    assert second.returncode == 0, second.stdout + second.stderr
    assert second.stdout.rstrip().endswith("all is done")
    lines = (tmp_path / "out" / "gpu.jsonl").read_text().splitlines()
    cells = [(line["stage"], line["cell"]) for line in map(json.loads, lines)]
    wanted = [(stage.name, cell) for stage in gpu.STAGES for cell in stage.cells(STAND_IN)]
    assert sorted(cells) == sorted(wanted)  # each once
    third = stand_in(tmp_path)
    assert "all is done" in third.stdout
    assert (tmp_path / "out" / "gpu.jsonl").read_text().splitlines() == lines
    gpu._pages(gpu._known(None, tmp_path / "out"), tmp_path / "results")
    assert "always + static sometimes" in (tmp_path / "results" / "gpu.md").read_text()

"""Several models at once on the cores of a CPU: the bits of each alone, and an end when one of them fails."""

import threading
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from helpers.pictures import ALL, png, write
from helpers.scored_digits import TRAINED

import curate
from curate.networks import learner as learners
from curate.progress import LOGGED
from curate.training.at_once import at_once, how_many
from curate.training.loop import repeatable

pytest_plugins = ["helpers.scored_digits"]


@pytest.fixture
def three_threads(set_threads):
    set_threads(3)


def columns_of(table):
    return {name: np.asarray(values) for name, values in table.columns.items()}


def test_models_at_once_are_those_of_one_thread_alone(some_digits, tmp_path, three_threads):
    ways = {}
    for name, threads, side_by_side in (("at once", 3, None), ("alone", 1, False)):
        torch.set_num_threads(threads)
        chance = torch.get_rng_state()
        table = curate.score(
            some_digits,
            TRAINED,
            models=3,
            epochs=2,
            side_by_side=side_by_side,
            trace=tmp_path / f"{name}.trace",
            output=tmp_path / f"{name}.parquet",
        )
        assert table.header.n_threads == 1
        assert torch.get_num_threads() == threads
        assert torch.equal(torch.get_rng_state(), chance)
        ways[name] = columns_of(table), list(curate.open_trace(tmp_path / f"{name}.trace").epochs())
    (mine, epochs), (theirs, other_epochs) = ways.values()
    assert mine.keys() == theirs.keys()
    assert all((mine[name] == theirs[name]).all() for name in mine)
    for one, other in zip(epochs, other_epochs, strict=True):
        assert (one.place == other.place).all()
        assert (one.margin == other.margin).all()
        assert (one.loss == other.loss).all()


def test_one_by_one_is_one_at_a_time_with_all_threads(some_digits, tmp_path, three_threads):
    table = curate.score(some_digits, "aum", models=2, epochs=1, side_by_side=False, output=tmp_path / "s")
    assert table.header.n_threads == 3


def test_images_that_are_decoded_on_the_way_are_read_for_one_model_at_a_time(tmp_path, three_threads):
    for number in range(8):
        write(tmp_path / "photos" / "ab"[number % 2] / f"{number}.png", png(8, 8, seed=number))
    streamed = curate.open_dataset(str(tmp_path / "photos"), replace(ALL, stream=True))
    table = curate.score(streamed, "aum", models=2, epochs=1, output=tmp_path / "s")
    assert table.header.n_threads == 3


def test_only_small_models_without_dropout_are_computed_at_once(some_digits, three_threads):
    learner = learners.build("basic-cnn", {}, some_digits, 0, torch.device("cpu"))
    assert how_many(learner, 10) == 3
    assert how_many(learner, 2) == 2
    assert how_many(replace(learner, device=torch.device("cuda")), 10) == 1
    assert how_many(replace(learner, module=torch.nn.Linear(1000, 1001)), 10) == 1
    for layer in (torch.nn.Dropout(), torch.nn.Dropout2d()):
        assert how_many(replace(learner, module=torch.nn.Sequential(learner.module, layer)), 10) == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt], ids=["one fails", "interrupted"])
def test_when_it_ends_early_those_at_work_end_soon_and_others_never_begin(error, three_threads):
    begun, finished = threading.Event(), []

    def work(shared, number):
        if number == 0 and error is ValueError:
            assert begun.wait(60)
            raise error
        with repeatable(torch.device("cpu"), number):
            begun.set()
            for _ in range(600):
                shared.advance()
                time.sleep(0.1)
        finished.append(number)

    def run():
        with at_once(2, LOGGED) as (each, shared):
            results = each(partial(work, shared), range(3))
            if error is KeyboardInterrupt:
                assert begun.wait(60)
                raise error
            list(results)

    chance = torch.get_rng_state()
    with pytest.raises(error):
        run()
    assert not finished
    assert torch.get_num_threads() == 3
    assert torch.equal(torch.get_rng_state(), chance)


def test_progress_is_told_by_one_thread_at_a_time(three_threads):
    class Counting(type(LOGGED)):
        total, speaking = 0, 0

        def advance(self, steps=1, **live):
            self.speaking += 1
            assert self.speaking == 1
            before = self.total
            time.sleep(0.0005)
            self.total = before + steps
            self.speaking -= 1

    counting = Counting()
    with at_once(3, counting) as (each, shared):
        list(each(lambda number: [shared.advance() for _ in range(30)], range(3)))
    assert counting.total == 90

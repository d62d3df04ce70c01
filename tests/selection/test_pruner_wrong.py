"""What a loop does wrong is said at the step that does it, with the remedy."""

import numpy as np
import pytest
import torch

import curate
from curate.errors import CurateError


def made(policy="random", keep=0.5, n=10, **more):
    pruner = curate.Pruner(n, policy, keep=keep, epochs=4, **more)
    pruner.set_epoch(0)
    return pruner


def refuses(text):
    return pytest.raises(CurateError, match=text)


def test_a_mean_in_the_place_of_losses():
    pruner = made()
    index = pruner.order()
    for loss in (torch.tensor(1.5), torch.ones(1), torch.ones(len(index), 2), 1.5):
        with refuses(r'compute the loss with reduction="none"'):
            pruner.observe(torch.from_numpy(index), loss)


def test_an_index_that_is_out_of_range_or_not_selected_or_seen_twice():
    pruner = made()
    left_out = np.setdiff1d(np.arange(10), pruner.selected)
    with refuses("index 10 is out of range: there are 10 samples, from 0"):
        pruner.observe([10], np.ones(1))
    with refuses("index -1 is out of range"):
        pruner.observe(torch.tensor([-1]), torch.ones(1))
    with refuses(
        rf"sample {left_out[0]} was observed in epoch 0, and is not selected in it: use pruner.sampler"
    ):
        pruner.observe(left_out[:1], np.ones(1))
    pruner.observe(pruner.selected[:2], np.ones(2))
    with refuses(rf"sample {pruner.selected[1]} was observed in epoch 0, and had been before"):
        pruner.observe(pruner.selected[1:3], np.ones(2))


@pytest.mark.parametrize("trace", [False, True])
def test_an_index_that_is_none_of_a_sample_is_named_whatever_is_asked_for(trace):
    pruner = made(trace=trace, labels=np.arange(10) % 2)
    given = (np.ones(1), np.ones((1, 2)))
    with refuses("index 10 is out of range: there are 10 samples, from 0"):
        pruner.observe([10], *given)
    with refuses("indices are float64: give the whole numbers that came with the batch"):
        pruner.observe([1.0], *given)


@pytest.mark.parametrize("index", [10, 19, 20, 10**9, -1, -10, -11, -20, -21, -(10**9)])
def test_no_index_beyond_the_samples_is_taken_for_another(index):
    pruner = made(keep=1.0)
    with refuses(f"index {index} is out of range: there are 10 samples, from 0"):
        pruner.observe(torch.tensor([index]), torch.ones(1))
        pruner.set_epoch(1)


def test_a_sample_twice_in_one_batch():
    pruner = made()
    pruner.observe([pruner.selected[0]] * 2, np.ones(2))
    with refuses(rf"sample {pruner.selected[0]} was observed 2 times in epoch 0"):
        pruner.set_epoch(1)


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number(loss):
    pruner = made()
    pruner.observe(pruner.selected, np.array([1, 1, loss, 1, loss], np.float32))
    with refuses(rf"the loss of sample {pruner.selected[2]} is {loss} in epoch 0 \(2 such presentations\)"):
        pruner.set_epoch(1)


def test_epochs_out_of_turn():
    pruner = curate.Pruner(10, keep=0.5, epochs=4)
    with refuses(r"observe came before the first epoch: call set_epoch\(0\)"):
        pruner.observe([0], np.ones(1))
    with refuses(r"there is no epoch to present: call set_epoch\(0\)"):
        list(pruner.sampler)
    with refuses("epoch 1 is out of turn: a policy sees one after another, and 0 is the first"):
        pruner.set_epoch(1)
    pruner.set_epoch(0)
    pruner.set_epoch(0)
    with refuses("epoch 2 is out of turn: a policy sees one after another, and this one is in epoch 0"):
        pruner.set_epoch(2)
    for epoch in (1, 2, 3):
        pruner.set_epoch(epoch)
    with refuses("epoch 4 is beyond the run of 4: make it longer with epochs="):
        pruner.set_epoch(4)


def test_a_second_pass_over_an_epoch():
    pruner = made()
    pruner.observe(list(pruner.sampler), np.ones(5))
    with refuses(r"all of epoch 0 was observed: call set_epoch\(1\) before the next"):
        list(pruner.sampler)


def test_losses_that_are_meant_are_said_at_the_start():
    with refuses(
        'policy uncertainty goes by losses in evaluation mode here: give losses=, .* observe="training"'
    ):
        curate.Pruner(10, "uncertainty", keep=0.5, epochs=4)
    with refuses('makes no pass in evaluation mode here: leave out losses=, or say observe="evaluation"'):
        curate.Pruner(10, "random", keep=0.5, epochs=4, losses=len)


@pytest.mark.parametrize(
    ("answer", "said"),
    [(lambda m: 1.0, r"gave \[\[\]\] for 10 indices: it has to return an array of losses, one for each"),
     (lambda m: np.ones(3), r"gave \[\[3\]\] for 10 indices"),
     (lambda m: (np.ones(10), np.ones(10)), r"gave \[\[10\], \[10\]\]")],
)  # fmt: skip
def test_a_function_of_losses_that_gives_something_else(answer, said):
    pruner = curate.Pruner(10, "uncertainty", keep=0.5, epochs=4, warm_up=0, losses=answer)
    with refuses(said):
        pruner.set_epoch(0)


def test_a_trace_wants_logits_and_labels():
    pruner = made(trace=True)
    with refuses(r"a trace looks at logits: use observe\(index, losses, logits\)"):
        pruner.observe(pruner.selected, np.ones(5))
    with refuses("a trace looks at labels: give labels= to the Pruner, or to observe"):
        pruner.observe(pruner.selected, np.ones(5), np.ones((5, 3)))
    with refuses(r"logits are \[5\] for 5 samples: use \[batch, classes\]"):
        pruner.observe(pruner.selected, np.ones(5), np.ones(5))
    pruner.observe(pruner.selected, np.ones(5), np.ones((5, 3)), np.zeros(5, int))


def test_what_is_said_of_the_samples():
    with refuses("there are 3 keys for 10 samples: give one for each"):
        curate.Pruner(10, keep=0.5, epochs=4, keys=["a", "b", "c"])
    with refuses("keys and uids say the same thing"):
        curate.Pruner(1, keep=0.5, epochs=4, keys=["a"], uids=[1])
    with refuses("there are 2 labels for 10 samples"):
        curate.Pruner(10, keep=0.5, epochs=4, labels=[0, 1])
    with refuses("labels are not class numbers"):
        curate.Pruner(2, keep=0.5, epochs=4, labels=[0.5, 1])
    with refuses("class_floor needs to know the classes: give labels="):
        curate.Pruner(10, "ema", keep=0.5, epochs=4, class_floor=0.5)
    with refuses("a Dataset knows its own samples"):
        curate.Pruner(curate.open_dataset("digits"), keep=0.5, epochs=4, labels=[1])
    with refuses("0 samples are too few"):
        curate.Pruner(0, keep=0.5, epochs=4)
    with refuses("epochs=0 is too small"):
        curate.Pruner(10, keep=0.5, epochs=0)


def test_datasets_of_other_lengths_or_without_any():
    pruner = made()
    with refuses("the dataset has 3 samples, and this Pruner was made for 10"):
        pruner.wrap([1, 2, 3])
    with refuses("wrap needs a map-style dataset"):
        pruner.wrap(iter([1]))


def test_processes_that_nobody_named(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with refuses(r"WORLD_SIZE is 2, and each of these processes would select by its own losses: use ranks="):
        curate.Pruner(10, keep=0.5, epochs=4)


def test_nothing_to_save(tmp_path):
    pruner = curate.Pruner(10, keep=0.5, epochs=4)
    with refuses("there is nothing to save: no epoch was begun"):
        pruner.save(tmp_path / "m")
    pruner.set_epoch(0)
    pruner.save(tmp_path / "m")
    with refuses("exists"):
        pruner.save(tmp_path / "m")

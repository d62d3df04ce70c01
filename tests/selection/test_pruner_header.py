"""How the manifest of a Pruner tells what was asked for."""

from dataclasses import replace

import curate
from curate import finder
from curate.selection.own_samples import own_samples
from curate.selection.pruner_header import header_of, identity_of
from curate.selection.session import Asked, plan_session


def header(policy="ucb", seed=3, **asked):
    plan = finder.make("policies", policy)
    session, n_epochs = plan_session(plan, policy, 50, 20, Asked(keep="0.2", **asked))
    samples = own_samples(50, labels=None, keys=None, uids=None, name="mine")
    return header_of(
        samples, policy, plan, Asked(keep="0.2", **asked), replace(session, trace=True), n_epochs, seed
    )


def test_it_tells_the_policy_and_what_was_said():
    options = header(period=2).options
    assert options["policy"] == "ucb"
    assert options["session"] == {"keep": "0.2", "period": 2, "budget": "epochs"}
    assert options["warm_up"] == {"n_epochs": 2}
    assert (options["observes"], options["trace"], options["epochs"]) == ("training", True, 20)
    assert "warm_up" not in header("random").options
    assert header().dataset.reference == "mine"


def test_it_tells_the_threads_that_the_loop_has(set_threads):
    for n_threads in (1, 2):
        set_threads(n_threads)
        assert header().n_threads == n_threads


def test_another_seed_policy_or_word_is_another_pruner():
    same = identity_of(header())
    assert identity_of(header()) == same
    for other in (header(seed=4), header("ema"), header(period=2)):
        assert identity_of(other) != same


def test_it_is_that_of_a_pruner_that_saves(here):
    pruner = curate.Pruner(50, "ucb", keep=0.2, epochs=20, seed=3, name="mine", trace=False)
    pruner.set_epoch(0)
    written = pruner.save("m").header
    assert written.command == "pruner"
    assert written.options == {key: value for key, value in header().options.items() if key != "trace"}

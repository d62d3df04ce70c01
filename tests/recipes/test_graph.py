"""The graph of a recipe: which tasks there are, which are the same, and in which order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import CurateError
from curate.recipes.graph import expanded, n_cells, references, tasks_of
from curate.recipes.reading import read_text
from curate.recipes.schema import check


def known(reference, opening):
    return f"{reference} {dict(opening)}"


def graph(path, only=(), **values):
    return tasks_of(check(read_text(path), values), known, only)


def of_step(tasks, step):
    return [task for task in tasks.values() if task.step == step]


def test_a_list_is_a_grid_and_what_builds_on_it_has_a_cell_for_each(written):
    tasks = graph(written())
    sizes = {
        step: len(of_step(tasks, step)) for step in ("vectors", "clusters", "selected", "static", "dynamic")
    }
    assert sizes == {"vectors": 1, "clusters": 1, "selected": 4, "static": 8, "dynamic": 4}
    assert len(of_step(tasks, "full")) == 2
    assert len(of_step(tasks, "random")) == 4
    assert len(tasks) == 1 + 1 + 4 + 8 + 4 + 2 + 4
    static = of_step(tasks, "static")
    assert {(task.label, task.varied["keep"], task.seed) for task in static} == {
        (label, keep, seed) for label in ("furthest", "closest") for keep in (0.1, 0.3) for seed in (0, 1)
    }
    assert {tasks[task.parents[""]].options["strategy"] == task.label for task in static} == {True}


def test_tasks_come_after_their_parents_and_first_seeds_before_second_ones(written):
    tasks = graph(written())
    seen, seeds = set(), []
    for task in tasks.values():
        assert set(task.parents.values()) <= seen
        seen.add(task.id)
        seeds += [task.seed] if task.is_trial else []
    assert seeds == sorted(seeds)


def test_a_value_that_a_parent_chose_is_the_same_below(written):
    text = """
[values]
keep = [0.1, 0.2, 0.3]
[earlier]
train = "digits"
policy = "ucb"
keep = "$keep"
seed = 1000
[later]
train = "digits"
policy = "always-random"
from = "earlier"
keep = "$keep"
trials = 2
"""
    tasks = graph(written(text, "r.toml"))
    later = of_step(tasks, "later")
    assert len(later) == 6
    assert all(tasks[task.parents["from"]].options["keep"] == task.options["keep"] for task in later)
    assert not any(task.is_trial for task in of_step(tasks, "earlier"))


def test_what_others_build_on_is_judged_where_it_has_a_label(written):
    text = """
[every.train]
trials = 2
[earlier]
train = "digits"
policy = "ucb"
keep = 0.2
seed = 1000
[later]
train = "digits"
policy = "always-random"
from = "earlier"
keep = 0.2
"""
    tasks = graph(written(text, "r.toml"))
    assert {task.seed for task in tasks.values() if task.is_trial} == {0, 1}
    labelled = graph(written(text.replace("[later]", 'label = "before"\n[later]'), "labelled.toml"))
    assert {task.seed for task in labelled.values() if task.is_trial} == {0, 1, 1000, 1001}


def test_lists_that_are_written_out_are_crossed(written):
    text = """
[earlier]
train = "digits"
policy = "ucb"
keep = [0.1, 0.2]
seed = 1000
[later]
train = "digits"
policy = "always-random"
from = "earlier"
keep = [0.1, 0.2]
"""
    assert len(of_step(graph(written(text, "r.toml")), "later")) == 4


def test_the_same_work_is_one_task_in_whatever_recipe(written):
    one = graph(written())
    other = graph(
        written(name="other.toml", **{'title = "Small"': 'title = "Other"', "[vectors]": "[pixels]",
                                      'cluster = "vectors"': 'cluster = "pixels"'})
    )  # fmt: skip
    assert set(one) == set(other)


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ({"k = 5": "k = 6"}, {"clusters", "selected", "static"}),
        ({"dim = 4": "dim = 5"}, {"vectors", "clusters", "selected", "static"}),
        ({"policy = \"uncertainty\"": "policy = \"ema\""}, {"dynamic"}),
        ({"keep = [0.1, 0.3]": "keep = [0.1, 0.3, 0.5]"}, {"selected", "static", "dynamic", "random"}),
        ({"[every.train]\nepochs = 1": "[every.train]\nepochs = 2"}, {"dynamic", "full", "random"}),
        ({'title = "Small"': 'title = "Large"'}, set()),
        ({'label = "{strategy}"': 'label = "by {strategy}"'}, set()),
    ],
)  # fmt: skip
def test_a_changed_line_changes_what_depends_on_it_and_nothing_else(change, redone, written):
    before = graph(written())
    after = graph(written(name="after.toml", **change))
    assert {task.step for id_, task in after.items() if id_ not in before} == redone


def test_more_trials_are_more_tasks_and_the_old_ones_stay(written):
    before = graph(written())
    after = graph(written(name="after.toml", **{"trials = 2": "trials = 4"}))
    assert set(before) < set(after)
    assert {task.seed for id_, task in after.items() if id_ not in before} == {2, 3}


def test_where_data_lie_is_not_what_they_are(written):
    at_home = graph(written())
    away = graph(written(name="away.toml", **{'embed = "$data"': 'embed = "$data"\nroot = "elsewhere"'}))
    # The fingerprint is asked with the place, and here it is made of it: only that differs.
    assert at_home.keys() != away.keys()
    same = tasks_of(check(read_text("away.toml")), lambda reference, opening: reference)
    assert (
        same.keys() == tasks_of(check(read_text("small.toml")), lambda reference, opening: reference).keys()
    )


def test_only_some_steps_with_what_they_build_on_and_their_controls(written):
    steps = {task.step for task in graph(written(), only=["dynamic"]).values()}
    assert steps == {"dynamic", "full", "random"}
    tasks = graph(written(), only=["selected"])
    assert {task.step for task in tasks.values()} == {"vectors", "clusters", "selected"}
    with pytest.raises(CurateError, match=r"small has no step 'selectd': did you mean selected\?"):
        graph(written(), only=["selectd"])


def test_what_judges_shares_no_seed_with_what_it_builds_on(written):
    text = """
[earlier]
train = "digits"
[later]
train = "digits"
policy = "always-random"
from = "earlier"
keep = 0.5
"""
    with pytest.raises(CurateError, match=r"\[later\] seed 0 was that of a training run that it builds on"):
        graph(written(text, "r.toml"))
    graph(written(text.replace('train = "digits"\n[l', 'train = "digits"\nseed = 9\n[l'), "s.toml"))


def test_a_million_cells_are_refused_with_their_count_before_they_are_made(written):
    many = ", ".join(str(number) for number in range(2, 1002))
    text = f"[a]\nembed = 'digits'\ndim = [{many}]\n[b]\ncluster = 'a'\nk = [{many}]\n"
    with pytest.raises(
        CurateError, match=r"r is a grid of 1,001,000 cells, most of them in \[b\]: 100,000 are"
    ):
        graph(written(text, "r.toml"))


def test_a_circle_is_named(written):
    text = "[a]\nscore = 'b'\n[b]\ncluster = 'c'\n[c]\nembed = 'digits'\n[d]\nselect = 'a'\nkeep = 0.5"
    graph(written(text, "fine.toml"))
    text = "[a]\ntrain = 'digits'\nfrom = 'b'\npolicy = 'recorded'\n[b]\ntrain = 'digits'\nfrom = 'a'\n"
    with pytest.raises(CurateError, match="steps build on each other in a circle, a -> b -> a"):
        graph(written(text, "r.toml"))


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("{strategie}", r"asks for what is no option here: it can say \{dim\} \{k\} \{strat"),
        ("{}", "asks for what"),
    ],
)
def test_a_label_says_what_it_can_say(label, message, written):
    with pytest.raises(CurateError, match=message):
        graph(written(**{'label = "{strategy}"': f'label = "{label}"'}))


def test_a_label_can_tell_any_option_on_the_way(written):
    tasks = graph(written(**{'label = "{strategy}"': 'label = "{strategy} of {k}, {width} wide"'}))
    assert {task.label for task in of_step(tasks, "static")} == {
        "furthest of 5, 1 wide",
        "closest of 5, 1 wide",
    }


def test_without_a_label_a_trial_is_called_by_its_step_and_what_varies(written):
    tasks = graph(written(**{'label = "{strategy}"': ""}))
    assert {task.label for task in of_step(tasks, "static")} == {
        "static, strategy furthest",
        "static, strategy closest",
    }
    assert {task.label for task in of_step(tasks, "dynamic")} == {"dynamic"}


def test_too_few_trials_are_refused(written):
    with pytest.raises(CurateError, match="trials=0 is too few: use 1 or more"):
        graph(written(**{"trials = 2": "trials = 0"}))


@given(
    st.lists(st.integers(2, 9), min_size=1, max_size=3, unique=True),
    st.lists(st.integers(2, 9), min_size=1, max_size=3, unique=True),
    st.integers(1, 3),
)
def test_the_count_is_that_of_the_cells_made(dims, ks, trials):
    import tempfile
    from pathlib import Path

    text = (
        f"controls = []\n[a]\nembed = 'digits'\ndim = {dims}\n[b]\ncluster = 'a'\nk = {ks}\n"
        f"[c]\nselect = 'b'\nkeep = 0.5\n[d]\nreplay = 'c'\ntrials = {trials}"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "r.toml")
        path.write_text(text)
        recipe = check(read_text(path))
    tasks = tasks_of(recipe, known)
    for step, size in n_cells(recipe).items():
        assert size == len(of_step(tasks, step))
    assert expanded(("$x",), type("R", (), {"values": {"x": (1, 2)}})) == [1, 2]
    assert references(recipe.steps["d"], recipe) == ["c"]

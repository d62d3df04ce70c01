"""What a recipe may say: the options of the commands; and all that is wrong, at once, with its place."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import finder
from curate.errors import CurateError
from curate.recipes.reading import Text, read_text
from curate.recipes.schema import check


def checked(text, **values):
    return check(Text(Path("r.toml"), tomllib.loads(text)), values)


def errors_of(path):
    with pytest.raises(CurateError) as caught:
        check(read_text(path))
    return str(caught.value).splitlines()


def test_a_recipe_is_its_values_and_its_steps(written):
    recipe = check(read_text(written()))
    assert recipe.title == "Small"
    assert recipe.values == {"data": ("digits",), "keep": (0.1, 0.3)}
    assert list(recipe.steps) == ["vectors", "clusters", "selected", "static", "dynamic"]
    assert recipe.controls == ("full", "random")
    selected = recipe.steps["selected"]
    assert (selected.verb, selected.subject) == ("select", ("clusters",))
    assert selected.options == {"strategy": ("furthest", "closest"), "keep": ("$keep",)}
    assert recipe.steps["dynamic"].options["set.width"] == (1,)
    assert recipe.steps["static"].label == "{strategy}"


TEN = """
title = 3
[values]
data = []
[every.trian]
epochs = 3
[vectors]
embed = "digits"
dims = 4
[clusters]
cluster = "vector"
k = "many"
[selected]
select = "clusters"
strategy = "furtest"
keep = [0.1, 1.5]
[dynamic]
trian = "digits"
[other]
train = "$dat"
policy = "ucb"
keep = 0.1
set = { confidense = 1.0 }
[report]
figure = ["keep"]
"""


def test_ten_errors_are_ten_lines_each_with_its_place(written):
    head, *errors = errors_of(written(TEN, "ten.toml"))
    assert head.endswith("ten.toml has 12 errors:")
    expected = [
        ("4", r"\[values\] data is neither a value nor a list of some"),
        ("5", r"\[every\] trian trian is no verb of recipes: did you mean train\?"),
        ("9", r"\[vectors\] dims embed has no option 'dims': did you mean dim\?"),
        ("12", r"\[clusters\] k 'many' is not a whole number"),
        ("15", r"\[selected\] strategy there is no strategy 'furtest': did you mean furthest\?"),
        ("16", r"\[selected\] keep keep=1.5 is not a fraction: use 0 < keep <= 1"),
        ("17", r"\[dynamic\] names no verb: did you mean train\?"),
        ("20", r"\[other\] train there is no value 'dat' in \[values\]: did you mean data\?"),
        (
            "23",
            r"\[other\] set.confidense no method here has an option 'confidense': did you mean confidence",
        ),
        ("11", r"\[clusters\] cluster there is no step or file 'vector': did you mean vectors\?"),
        ("2", r"\[title\] 3 is not text"),
        ("25", r"\[report\] figure reports have no 'figure': did you mean figures\?"),
    ]
    for error, (line, text) in zip(errors, sorted(expected, key=lambda one: int(one[0])), strict=True):
        assert re.search(rf"ten.toml:{line}: {text}", error), error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no steps: write one"),
        ("[a]\nembed = 'digits'\ntrain = 'digits'", r"\[a\] names 2 verbs"),
        ("[a]\nembed = 'digits'\ndim = true", r"\[a\] dim True is not a whole number"),
        ("[a]\nembed = 'digits'\ndim = []", r"\[a\] dim is an empty list: give it a value"),
        ("[a]\nembed = 'digits'\ndim = 2.5", r"\[a\] dim 2.5 is not a whole number"),
        ("[a]\ntrain = 'digits'\nlr = nan", r"\[a\] lr nan is not a finite number"),
        ("[a]\ntrain = 'digits'\nset = 3", r"\[a\] set is not a table: write set = \{ confidence = 1.0 \}"),
        ("[a]\ntrain = 'digits'\nset = { width = 'wide' }", r"width=wide does not fit model basic-cnn"),
        ("[a]\ntrain = 'digits'\noutput = 'x'", r"\[a\] output train has no option 'output'"),
        (
            "[a]\ntrain = 'digits'\n[b]\nselect = 'a'",
            r"\[b\] select names a step of train, \[a\]: it works on",
        ),
        (
            "[a]\ntrain = 'digits'\n[b]\nembed = 'a'",
            r"\[b\] embed names a step of train, \[a\]: it works on a d",
        ),
        ("[a]\ntrain = 'digits'\nfrom = 'nowhere'", r"\[a\] from there is no step or file 'nowhere'"),
        ("controls = ['ful']\n[a]\ntrain = 'digits'", r"there is no control 'ful': did you mean full\?"),
        ("controls = 'full'\n[a]\ntrain = 'digits'", r"'full' is not a list: write controls"),
        ("b = 3\n[a]\ntrain = 'digits'", r"\[b\] is neither a step nor one of recipes"),
        ("every = 3\n[a]\ntrain = 'digits'", r"\[every\] is not a table: write \[every\]"),
        ("[report]\nfigures = ['kep']\n[a]\ntrain = 'digits'", r"no figure 'kep': did you mean keep\?"),
        ("[report]\nfigures = 'keep'\n[a]\ntrain = 'digits'", r"figures 'keep' is not a list"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text, message):
    with pytest.raises(CurateError, match=message):
        checked(text)


def test_values_are_replaced_from_outside_and_only_those_that_are_there():
    text = "[values]\nkeep = [0.1, 0.3]\n[a]\ntrain = 'digits'\npolicy = 'random'\nkeep = '$keep'"
    assert checked(text, keep=[0.5]).values["keep"] == (0.5,)
    with pytest.raises(CurateError, match=r"has no value 'kep' to set: did you mean keep\?"):
        checked(text, kep=0.5)
    with pytest.raises(CurateError, match=r"keep=2\.5 is not a fraction"):
        checked(text, keep=2.5)


def test_an_error_in_what_all_steps_share_is_said_once(written):
    text = "[every.train]\nlr = 'fast'\n[a]\ntrain = 'digits'\n[b]\ntrain = 'digits'\nlr = 'slow'"
    _, *errors = errors_of(written(text, "r.toml"))
    assert [error.partition("r.toml:")[2][:2] for error in errors] == ["2:", "7:"]


@pytest.mark.parametrize("policy", finder.names("policies"))
def test_every_option_of_every_policy_can_be_set(policy):
    for option, default in finder.summary("policies", policy).options.items():
        text = f"[a]\ntrain = 'digits'\npolicy = '{policy}'\nset = {{ {option} = {default or repr('x')} }}"
        if option in ("manifest", "scores", "freeze", "rest") or default in ("None", "True", "False", ""):
            continue
        assert checked(text).steps["a"].options[f"set.{option}"]


_VALUES = st.one_of(
    st.integers(), st.floats(), st.booleans(), st.text(max_size=4), st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip
_KEYS = st.sampled_from(["train", "embed", "keep", "policy", "set", "label", "trials", "lr", "x", "from"])


@given(st.dictionaries(st.sampled_from(["values", "every", "report", "title", "controls", "a", "b"]),
                       st.dictionaries(_KEYS, _VALUES, max_size=4) | _VALUES, max_size=4))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_whatever_stands_in_a_file_is_a_recipe_or_an_error(tables):
    said = ""
    try:
        made = check(Text(Path("r.toml"), tables)).steps
    except CurateError as problem:
        said, made = str(problem), {}
    assert bool(made) != said.startswith("r.toml has ")

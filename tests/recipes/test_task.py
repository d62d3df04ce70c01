"""A task is known by what it does: its id is the same where that is the same, and nowhere else."""

from dataclasses import replace

import pytest

from curate.recipes.task import Task, identified

TASK = Task("selected", "train", "digits", {"policy": "random", "keep": 0.3, "image-size": 12}, seed=1)


def known(reference, opening):
    return f"{reference}, {opening.get('image-size')} pixels"


def id_of(task):
    return identified(task, known).id


def test_names_and_places_are_not_part_of_it():
    renamed = replace(TASK, step="other", label="other", varied={"keep": 0.3})
    moved = replace(TASK, options={**TASK.options, "root": "elsewhere", "download": True})
    assert id_of(TASK) == id_of(renamed) == id_of(moved)
    assert len(id_of(TASK)) == 16
    assert identified(TASK, known) == replace(TASK, id=id_of(TASK))


@pytest.mark.parametrize(
    "other",
    [
        replace(TASK, seed=2),
        replace(TASK, verb="score"),
        replace(TASK, subject="mnist"),
        replace(TASK, parents={"from": "0" * 16}),
        replace(TASK, options={**TASK.options, "keep": 0.4}),
        replace(TASK, options={**TASK.options, "image-size": 8}),
        replace(TASK, options={**TASK.options, "test": "mnist"}),
    ],
)  # fmt: skip
def test_what_it_does_and_to_which_data_is(other):
    assert id_of(other) != id_of(TASK)


def test_to_say_how_often_is_usual_changes_nothing():
    said = replace(TASK, options={**TASK.options, "epochs": 60, "period": 3})
    usual = replace(TASK, options={**TASK.options, "epochs": 60})
    assert id_of(said) == id_of(usual)
    assert id_of(replace(said, options={**said.options, "period": 4})) != id_of(usual)
    assert id_of(replace(TASK, options={**TASK.options, "period": 1})) == id_of(TASK)  # of 10 epochs


def test_a_file_is_known_by_its_content(digits_round, here):
    table = replace(TASK, verb="select", options={}, subject=str(digits_round.table))
    (here / "copy.parquet").write_bytes(digits_round.table.read_bytes())
    assert id_of(table) == id_of(replace(table, subject="copy.parquet"))
    assert id_of(table) != id_of(replace(table, subject=str(digits_round.embedding)))
    replayed = replace(TASK, verb="replay", options={}, subject=str(digits_round.manifest))
    assert id_of(replayed) != id_of(replace(replayed, subject="elsewhere"))
    built = replace(TASK, options={"from": str(digits_round.table)})
    assert id_of(built) == id_of(replace(TASK, options={"from": "copy.parquet"}))


def test_a_dataset_that_lies_in_a_folder_is_known_by_its_fingerprint(here):
    (here / "photos").mkdir()
    scored = replace(TASK, verb="score", options={}, subject="photos")
    assert id_of(scored) == identified(scored, lambda reference, opening: "photos, None pixels").id


def test_how_it_is_opened_is_told_from_the_other_options():
    assert TASK.opening == {"image-size": 12}
    assert not TASK.is_trial
    assert replace(TASK, label="ours").is_trial

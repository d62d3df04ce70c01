"""The card of a manifest: valid, and silent about the machine it was made on."""

from dataclasses import replace

import yaml
from helpers.hub_desk import made

from curate.manifests.card import about
from curate.manifests.manifest import open_manifest
from curate.manifests.origins import Origin


def test_the_card_is_a_valid_dataset_card(digits_round):
    head = (digits_round.manifest / "README.md").read_text().split("---")[1]
    card = yaml.safe_load(head)
    assert card["pretty_name"] == "digits-furthest"
    assert card["tags"] == ["curate", "data-pruning"]
    assert [c["config_name"] for c in card["configs"]] == ["selection", "samples"]
    for config in card["configs"]:
        assert (digits_round.manifest / config["data_files"]).is_file()


def test_a_published_card_does_not_say_where_data_lay_on_the_machine(tmp_path):
    opened = open_manifest(made(tmp_path / "mine"))
    secret = replace(opened.header.dataset, reference="/home/ann/secret/photos/")
    header = replace(opened.header, dataset=secret)
    card = about("mine", header, opened.samples, origin=Origin(), address="hf:ann/x/mine")
    assert "secret" not in card
    assert "--data photos" in card


def test_the_card_of_a_session_has_counts_first_and_a_fit_where_there_is_one(tmp_path):
    opened = open_manifest(made(tmp_path / "mine"))
    counted = {"checkpoints": [0, 1, 2], "selected": {"none": 1200, "between": 7, "all": 3}}
    groups = {"never": {"weight": 0.25}, "sometimes": {"weight": 0.5}, "always": {"weight": 0.25}}
    said = [
        about(
            "mine",
            replace(opened.header, summary={**opened.header.summary, **counted, **more}),
            opened.samples,
            origin=Origin(),
        )
        for more in ({}, {"groups": groups, "random_explains_groups": True})
    ]
    for card in said:
        assert "Selected anew at 3 checkpoints: 1,200 samples at none, 3 at all." in card
    fitted = (
        "Components of a fitted mixture: never 25.0%, sometimes 50.0%, always 25.0%. Random draws explain"
    )
    assert [fitted in card for card in said] == [False, True]

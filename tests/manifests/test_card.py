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

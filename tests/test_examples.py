"""The examples run against the real libraries; what is interrupted in them goes on to the same selection."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import curate

EXAMPLES = Path(__file__).parents[1] / "examples"
LONGEST = 50  # lines of code, without the words at the top and what is empty; of a trainer, 40


def lines_of(path):
    text = path.read_text()
    return [line for line in text.split('"""')[2].splitlines() if line.strip()]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short(path):
    assert len(lines_of(path)) < (LONGEST if path.stem == "photographs" else 40)
    assert path.stem in Path(__file__).read_text()


def example(name, *words):
    """Run an example in this process."""
    argv = sys.argv
    sys.argv = [name, *words]
    try:
        return runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    finally:
        sys.argv = argv


def test_plain_torch(here):
    example("plain_torch", "out")
    manifest = curate.open_manifest("out")
    assert (manifest.n_epochs, manifest.n) == (20, 1797)
    assert manifest.n_selected(5) == 539


def test_photographs_from_a_loop_of_ones_own_to_a_published_subset(here, capsys):
    chance = np.random.default_rng(0)
    for split, n in (("train", 40), ("val", 10)):
        for number in range(n):
            folder = here / "photos" / split / ("ants", "bees")[number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            pixels = chance.integers(0, 200, (20, 24, 3), np.uint8) + np.uint8(50 * (number % 2))
            Image.fromarray(pixels).save(folder / f"{number}.jpg")
    example("photographs")
    assert curate.open_manifest("photos-30").n_selected(0) == 12
    assert "photos-30/selection.parquet" in capsys.readouterr().out


def test_stateful_loader(here, capsys):
    example("stateful_loader")
    assert capsys.readouterr().out == "20 before, 30 after, 50 in all\n"


@pytest.fixture
def photographs(here):
    """50 photographs in a folder of classes, and a manifest of 20 of them."""
    chance = np.random.default_rng(0)
    for number in range(50):
        folder = here / "photos" / ("ants", "bees")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(chance.integers(0, 200, (20, 24, 3), np.uint8)).save(folder / f"{number:02}.jpg")
    opened = curate.open_dataset("photos", curate.Options(split="all", image_size=16))
    table = curate.cluster(curate.embed(opened, dim=4, output="e.safetensors"), 4, output="c.parquet")
    return curate.select(table, "furthest", keep=0.4, output="kept")


@pytest.mark.slow
def test_dali_photographs(photographs, capsys):
    pytest.importorskip("nvidia.dali")
    space = example("dali_photographs", "kept", "photos")
    assert capsys.readouterr().out == "two epochs of 20 samples, in [3, 3] batches\n"
    labels = [space["samples"][row][1] for row in curate.load_manifest("kept").rows()]
    for batches in space["presented"]:
        presented = [label for batch in batches for label in batch]
        assert sorted(presented[:20]) == sorted(labels)
        assert presented[20:] == presented[:4]  # the last batch is filled up


@pytest.mark.slow
def test_mosaic_streaming(photographs):
    streaming = pytest.importorskip("streaming")
    with streaming.MDSWriter(out="shards", columns={"row": "int"}, size_limit=500) as shards:
        for row in range(50):
            shards.write({"row": row})
    space = example("mosaic_streaming", "kept", "shards")
    kept = curate.load_manifest("kept").rows().tolist()
    assert [sorted(rows) for rows in space["presented"]] == [kept, kept]


@pytest.mark.slow
def test_ddp_selects_as_one_process_would(here):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    words = ["-m", "torch.distributed.run", "--nproc-per-node", "2", str(EXAMPLES / "ddp.py"), "out"]
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    manifest = curate.open_manifest("out")
    assert manifest.header.world_size == 2
    assert [manifest.n_selected(epoch) for epoch in range(10)] == [539] * 10
    assert manifest.header.summary["samples_seen"] == 10 * 540  # one more, so that both ranks have as many


@pytest.mark.slow
def test_timm_loop(here):
    pytest.importorskip("timm")
    example("timm_loop", "out")
    manifest = curate.open_manifest("out")
    assert manifest.has_weights
    assert manifest.n_epochs == 4


@pytest.mark.slow
def test_lightning_module_goes_on_from_its_own_checkpoint(here):
    pytest.importorskip("lightning")
    train = runpy.run_path(str(EXAMPLES / "lightning_module.py"))["train"]
    calm, _ = train("calm")
    _, trainer = train("first", stop=4)
    trainer.save_checkpoint("state.ckpt")
    later, _ = train("later", resume="state.ckpt")
    one, other = calm.save("calm-m"), later.save("later-m")
    assert one.n_epochs == other.n_epochs == 10
    for epoch in range(10):
        assert one.selected(epoch).indices.tolist() == other.selected(epoch).indices.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("steps", [3, 8])
def test_hugging_face_goes_on_in_mid_epoch(here, steps):
    """A small transformer made from a config, on texts made here; 4 steps an epoch."""
    pytest.importorskip("transformers")
    from transformers import BertConfig, BertForSequenceClassification, TrainerCallback, TrainingArguments

    trainer_class = runpy.run_path(str(EXAMPLES / "hugging_face.py"))["PrunedTrainer"]
    chance = torch.Generator().manual_seed(0)
    texts = [torch.randint(4, 12, (6,), generator=chance) for _ in range(64)]
    data = [
        {"input_ids": text, "attention_mask": torch.ones_like(text), "labels": int(text[0] % 2)}
        for text in texts
    ]

    class Stop(TrainerCallback):
        def on_step_end(self, args, state, control, **named):
            control.should_training_stop = state.global_step >= steps

    def trainer(folder):
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=16, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
            max_position_embeddings=8,
        )  # fmt: skip
        keys = [f"text-{number}" for number in range(64)]
        pruner = curate.Pruner(64, "ema", keep=0.5, epochs=4, seed=0, keys=keys)
        arguments = TrainingArguments(
            folder, num_train_epochs=4, per_device_train_batch_size=8, remove_unused_columns=False,
            save_strategy="steps", save_steps=1, report_to=[], use_cpu=True, learning_rate=1e-2,
            lr_scheduler_type="constant", disable_tqdm=True,
        )  # fmt: skip
        return trainer_class(
            model=BertForSequenceClassification(config),
            args=arguments,
            train_dataset=pruner.wrap(data),
            pruner=pruner,
        )

    calm = trainer("calm")
    calm.train()
    first = trainer("run")
    first.add_callback(Stop())
    first.train()
    later = trainer("run")
    last = f"run/checkpoint-{steps}"
    later.pruner.load_state_dict(json.loads(Path(last, "pruner-0.json").read_text()))
    later.train(resume_from_checkpoint=last)
    one, other = calm.pruner.save("calm-m"), later.pruner.save("later-m")
    for epoch in range(4):
        np.testing.assert_array_equal(one.selected(epoch).indices, other.selected(epoch).indices)
    assert one.header.summary["samples_seen"] == other.header.summary["samples_seen"] == 4 * 32

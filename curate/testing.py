"""The laws of every kind of plug-in, for who writes one: a check raises AssertionError where one is broken.

    from curate.testing import check_policy

    def test_my_policy_keeps_the_laws_of_policies():
        check_policy(MyPolicy(start=3))

The contract tests of curate hold its own methods to the same laws.
"""

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from curate import finder
from curate.artifacts.header import DatasetReference, RankingColumn, make_header
from curate.artifacts.tables import Table
from curate.data.identity import Indices, Uids
from curate.data.source import Request, Source
from curate.errors import CurateError
from curate.manifests.export import Exportable, ExportFormat
from curate.manifests.manifest import Selected
from curate.progress import LOGGED
from curate.rng import rng
from curate.selection.policy import Losses, Plan, Policy, View
from curate.selection.strategy import Strategy
from curate.vectors.embedder import Embedder, Work

_EPOCHS = 4


def check_method(method: type[Any]) -> None:
    """What holds for methods of every kind: a frozen dataclass that says what it is, with known options."""
    assert dataclasses.is_dataclass(method), "a method is a dataclass: its fields are its options"
    frozen: bool = vars(method)["__dataclass_params__"].frozen
    assert frozen, "a method is frozen: what it was asked for does not change"
    words = method.__doc__ or f"{method.__name__}("  # what dataclasses write where there is none
    assert not words.startswith(f"{method.__name__}("), "a method says in a docstring what it is"
    try:
        finder.configure(method, {"no_such_option": "1"}, method.__name__)
    except CurateError:
        return
    raise AssertionError("an option that a method does not have is refused")


def check_policy(policy: Policy, uids: Uids | None = None, *, looks_at_all: bool = True) -> None:
    """Hold a policy to its laws, over four checkpoints with losses drawn by chance.

    `uids` are the samples that it can work on, where it builds on an earlier artifact. `looks_at_all` is
    whether a sample that was never observed comes first, as it should where a policy ranks by losses alone.
    """
    known = np.arange(1000, dtype=np.uint64) if uids is None else uids
    n = len(known)
    k = max(1, n // 3)
    check_method(type(policy))
    assert policy.observes in ("nothing", "evaluation", "training"), "observes says whose losses are wanted"
    assert policy.sizing in ("keep", "own", "early"), "sizing says who decides how many samples are kept"
    follows = policy.sizing != "keep" and policy.observes == "nothing"  # a plan of its own, of all samples
    available = np.arange(n) if follows else np.arange(5, n, 2)
    sizes = []
    for _view, plan, asked in _checkpoints(policy, known, available, min(k, len(available))):
        indices = plan.selected.indices
        assert isinstance(plan.selected, Selected), "a plan selects with Selected"
        assert (np.diff(indices) > 0).all(), "indices are sorted, and none is there twice"
        assert np.isin(indices, available).all(), "only samples that are available are selected"
        assert bool(asked) == (policy.observes != "nothing"), "losses are looked at where observes says so"
        sizes.append(len(indices))
    if policy.sizing == "keep":
        assert sizes == [min(k, len(available))] * _EPOCHS, "a policy that keeps k samples keeps exactly k"
    _check_memory(policy, known, k)
    if policy.observes != "nothing" and looks_at_all:
        losses = np.ones(n, np.float32)
        losses[::4] = np.nan
        _, plan, _ = next(_checkpoints(policy, known, np.arange(n), k, losses))
        share = np.isin(np.arange(0, n, 4), plan.selected.indices).mean()
        assert share > 0.8, "samples that were never observed come before others"


def _check_memory(policy: Policy, uids: Uids, k: int) -> None:
    """What a policy remembers is arrays by name, and all that it needs."""
    other = dataclasses.replace(policy)  # type: ignore[type-var]  # a dataclass, as was looked at
    for view, plan, _ in _checkpoints(policy, uids, np.arange(len(uids)), k):
        copied = {name: np.array(value) for name, value in view.memory.items()}
        again = other.plan(dataclasses.replace(view, memory=copied, rng=rng(0, "policy", view.epoch)))
        same = np.array_equal(again.selected.indices, plan.selected.indices)
        assert same, "what was remembered, read back from a disk, leads to the same decision"


def _checkpoints(
    policy: Policy, uids: Uids, available: Indices, k: int, losses: Losses | None = None
) -> Iterator[tuple[View, Plan, list[int]]]:
    """A policy asked at each checkpoint of a run: its view, its plan, and whether it looked at losses."""
    chance = np.random.default_rng(1)
    memory: Any = {}
    seen = 0
    for epoch in range(_EPOCHS):
        drawn = chance.exponential(size=len(uids)).astype(np.float32)
        values = drawn if losses is None else losses
        asked: list[int] = []

        def look(asked: list[int] = asked, values: Losses = values) -> Losses:
            asked.append(1)
            return values

        view = View(
            epoch=epoch,
            n_epochs=_EPOCHS,
            available=available,
            uids=uids,
            k=k,
            rng=rng(0, "policy", epoch),
            losses=look,
            memory=memory,
            samples_seen=seen,
            n_presentations=_EPOCHS * k,
        )
        plan = policy.plan(view)
        memory, seen = plan.memory, seen + len(plan.selected.indices)
        yield view, plan, asked


def check_strategy(strategy: Strategy) -> None:
    """Hold a strategy to its laws, on a table of clusters drawn by chance."""
    check_method(type(strategy))
    table = _clusters()
    before = {name: column.copy() for name, column in table.columns.items()}
    order = strategy(table, rng(0, "strategy"))
    assert sorted(order.tolist()) == list(range(len(table))), "every sample is ranked once"
    again = strategy(table, rng(0, "strategy"))
    assert np.array_equal(order, again), "the same stream of chance gives the same ranking"
    same = all((before[name] == column).all() for name, column in table.columns.items())
    assert same, "a table is left as it was"
    turned = dataclasses.replace(table, columns={**table.columns, "cluster": 8 - table["cluster"]})
    renumbered = strategy(turned, rng(0, "strategy"))
    assert np.array_equal(order, renumbered), "the number of a cluster says nothing"


def _clusters() -> Table:
    """240 samples in nine clusters, with ties in distance and in uid."""
    chance, n = np.random.default_rng(5), 240
    columns: dict[str, Any] = {
        "index": np.arange(n),
        "uid": chance.integers(0, 200, n).astype(np.uint64),
        "label": chance.integers(0, 4, n),
        "cluster": chance.integers(0, 9, n),
        "distance": np.round(chance.random(n), 1).astype(np.float32),
    }
    dataset = DatasetReference("drawn", "train", n, ["a", "b", "c", "d"], "0" * 64)
    ranking = {"distance": RankingColumn("high")}
    header = make_header("clusters", "cluster", {"k": 9}, seed=0, dataset=dataset, columns=ranking)
    return Table(Path("drawn.parquet"), header, columns)


def check_export(form: ExportFormat) -> None:
    """Hold an export format to its laws: one file, and the same bytes for the same selection."""
    check_method(type(form))
    assert form.ending, "a format says how its files end"
    assert form.takes in ("", "keys", "data"), "a format says what it takes beside rows and uids"
    selected = Exportable(
        rows=np.array([1, 4]),
        uids=np.array([2**63 + 5, 7], np.uint64),
        labels=["cat", "dog"],
        weights=np.array([1.0, 2.5], np.float32),
        keys=lambda: ["one", "four"],
        files=lambda: ["cat/1.png", "dog/4.png"],
    )
    contents = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            form.write(Path(folder) / "x.tmp", selected)
            assert [file.name for file in Path(folder).iterdir()] == ["x.tmp"], "one file is written"
            contents.append((Path(folder) / "x.tmp").read_bytes())
    assert contents[0], "something is written"
    assert contents[0] == contents[1], "the same selection gives the same bytes"


def check_schedule(schedule: Any) -> None:
    """Hold a schedule to its laws: from 0 to the full rate, which it reaches."""
    check_method(type(schedule))
    rates = [schedule(fraction) for fraction in np.linspace(0, 1, 201)]
    assert min(rates) >= 0, "a rate is not negative"
    assert abs(max(rates) - 1) < 1e-6, "the full rate is reached, and is the largest"


def check_model(model: Any) -> None:
    """Hold a model to its laws: it maps images to logits at its input size, and learns in every parameter."""
    import torch

    from curate.networks.model import Hyperparameters

    check_method(type(model))
    assert isinstance(model.hyperparameters, Hyperparameters), "a model brings its hyperparameters"
    for channels, side in ((1, 8), (3, 32)):
        height, width = model.input_size(side, side)
        network = model.build(channels, 7)
        logits = network(torch.rand(2, channels, height, width))
        assert logits.shape == (2, 7), "images become logits, one for each class"
    logits.square().sum().backward()
    assert all(one.grad is not None for one in network.parameters()), "every parameter gets a gradient"


def check_augmentation(augmentation: Any) -> None:
    """Hold an augmentation to its laws: what befalls an image is drawn before, and its own."""
    import torch

    check_method(type(augmentation))
    chance = np.random.default_rng(0)
    for channels, side in ((1, 8), (3, 32)):
        arrays = augmentation.draw(20, (side, side), rng(1, "augment", 0))
        again = augmentation.draw(20, (side, side), rng(1, "augment", 0))
        assert all(len(array) == 20 for array in arrays.values()), (
            "what is drawn has an entry for each sample"
        )
        assert arrays.keys() == again.keys(), "the same stream of chance draws the same"
        assert all(np.array_equal(arrays[name], again[name]) for name in arrays), (
            "chance comes from rng alone"
        )
        drawn = {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}
        images = torch.from_numpy(chance.integers(0, 256, (20, channels, side, side), dtype=np.uint8))
        before = images.clone()
        changed = augmentation.apply(images, drawn)
        assert changed.shape == images.shape, "an image keeps its shape"
        assert changed.dtype == torch.uint8, "an image stays uint8"
        assert torch.equal(images, before), "the images that were given are left as they were"
        assert torch.equal(changed, augmentation.apply(images, drawn)), "chance was drawn before"
        for row in range(20):
            own = {name: array[row : row + 1] for name, array in drawn.items()}
            alone = augmentation.apply(images[row : row + 1], own)[0]
            assert torch.equal(alone, changed[row]), "what befalls an image does not depend on its batch"
        if hasattr(augmentation, "boxes"):
            sides = chance.integers(1, 500, (20, 2)).astype(np.int32)
            boxes = augmentation.boxes(sides, arrays)
            assert (boxes.shape, boxes.dtype) == ((20, 4), np.int32), "a part is top, left, height and width"
            assert (boxes[:, :2] >= 0).all(), "a part lies within its image"
            assert (boxes[:, :2] + boxes[:, 2:] <= sides).all(), "a part lies within its image"
            assert (boxes[:, 2:] > 0).all(), "a part has pixels"
            tested = augmentation.tested(sides, (24, 32))
            assert (tested.shape, tested.dtype) == ((20, 4), np.int32), "a part is what `boxes` gives"
            assert (tested[:, :2] >= 0).all(), "a part lies within its image"
            assert (tested[:, :2] + tested[:, 2:] <= sides).all(), "a part lies within its image"
            own = {name: array[7:8] for name, array in arrays.items()}
            assert np.array_equal(augmentation.boxes(sides[7:8], own), boxes[7:8]), (
                "a part is its image's own"
            )


def check_embedder(embedder: Embedder, dim: int | None = None) -> None:
    """Hold an embedder to its laws, on 150 of the digits; with `dim` it is asked for so many numbers."""
    from curate.data.dataset import open_dataset

    check_method(type(embedder))
    digits = open_dataset("digits").take(np.arange(150))
    twice = []
    for _ in range(2):
        made = embedder(digits, dim, Work(seed=4))
        vectors = np.concatenate(list(made.chunks(0, 150)))
        assert vectors.shape == (150, made.dim), "every sample has a vector of dim numbers"
        assert dim is None or made.dim == dim, "dim is that which was asked for"
        assert vectors.dtype == np.float32, "vectors are float32"
        assert np.isfinite(vectors).all(), "every number is finite"
        assert vectors.std(axis=0).max() > 0, "vectors tell samples apart"
        part = np.concatenate(list(made.chunks(70, 90)))
        assert np.allclose(part, vectors[70:90], rtol=1e-3, atol=1e-4), "a part has the vectors of the whole"
        twice.append(vectors)
    assert np.array_equal(twice[0], twice[1]), "the same seed gives the same vectors"


def check_source(source: Source, reference: str, split: str = "train") -> None:
    """Hold a source to its laws, on a dataset that it reads."""
    check_method(type(source))
    assert source.accepts(reference), "a source accepts the references that it reads"
    assert not source.accepts("nothing that anybody reads"), "a source leaves other references to others"
    request = Request(reference, split)
    found, again = source.samples(request), source.samples(request)
    assert found.n > 0, "there are samples"
    assert found.split in (split, "all"), "the split is that which was asked for, or there are none"
    if found.labels is None:
        assert found.why_no_labels, "where there are no labels, a source says what to do"
    else:
        assert found.labels.dtype == np.int64, "labels are int64"
        assert found.labels.shape == (found.n,), "every sample has a label"
        known = (found.labels >= 0) & (found.labels < len(found.classes))
        assert known.all(), "a label is the number of a class"
    for row in (0, found.n // 2, found.n - 1):
        image, other = found.read(row), again.read(row)
        assert isinstance(found.name(row), str), "a sample has a name, for messages"
        if isinstance(image, bytes):
            assert image == other, "a sample is the same each time"
        else:
            assert image.ndim == 3, "pixels are [h, w, c]"
            assert image.dtype in (np.uint8, np.uint16), "pixels are uint8 or uint16"
            assert np.array_equal(image, other), "a sample is the same each time"


_READERS = {
    "trace": "from_trace",
    "network": "of_batch",
    "clusters": "from_clusters",
    "embedding": "from_embedding",
}


def check_scorer(scorer: Any) -> None:
    """Hold a scorer to its laws, on whatever it says that it reads."""
    check_method(type(scorer))
    assert scorer.hard_is in ("high", "low"), "a scorer says which side is hard"
    assert scorer.reads, "a scorer says what it reads"
    has = {material for material, method in _READERS.items() if hasattr(scorer, method)}
    assert set(scorer.reads) == has, "a scorer has the method for each that it reads, and no other"
    if has & {"trace", "network"}:
        assert scorer.over_models in ("mean", "sum"), "a score over several models is their mean or sum"
        assert scorer.n_models >= 1, "a scorer says how many models it wants"
        assert 0 < scorer.schedule_share <= 1, "a scorer looks within the schedule"
    with tempfile.TemporaryDirectory() as folder:
        if "trace" in has:
            _check_traced(scorer, Path(folder))
        if "embedding" in has:
            _check_embedded(scorer, Path(folder))
    if "network" in has:
        _check_looking(scorer)
    if "clusters" in has:
        table = _clusters()
        scores, again = (scorer.from_clusters(table, LOGGED) for _ in range(2))
        _check_scores(scores, again, len(table))


def _check_scores(scores: Any, again: Any, n: int) -> None:
    assert scores.dtype == np.float64, "scores are float64"
    assert scores.shape == (n,), "every sample has a score"
    assert np.isfinite(scores).all(), "every score is finite"
    assert np.array_equal(scores, again), "the same samples have the same scores"


def _check_traced(scorer: Any, folder: Path) -> None:
    """Two models over three epochs, in which a sample is never presented."""
    from curate.scores.trace import Seen, open_trace, write_part, write_trace

    chance, n = np.random.default_rng(6), 30
    parts = []
    for epoch in range(3):
        parts.append(folder / f"part-{epoch}.parquet")
        index = np.flatnonzero(chance.random(n - 1) < 0.8) if epoch else np.arange(n - 1)
        loss, margin, error = chance.exponential(size=(3, len(index))).astype(np.float32)
        of_a_model = Seen(index, loss, margin, error, chance.random(len(index)) < 0.5)
        write_part(parts[-1], epoch, [of_a_model, of_a_model])
    dataset = DatasetReference("drawn", "all", n, [], "0" * 64)
    summary = {"n_epochs": 3, "n_models": 2, "samples_seen": 0}
    write_trace(
        folder / "trace.parquet",
        make_header("trace", "train", {}, seed=0, dataset=dataset, summary=summary),
        parts,
    )
    trace = open_trace(folder)
    scores = scorer.from_trace(trace)
    assert scores.shape == (2, n), "a trace gives the scores of every model"
    assert np.isnan(scores[:, -1]).all(), "a sample that was never seen has no score"
    assert np.isfinite(scores[:, :-1]).all(), "a sample that was seen has one"
    assert np.array_equal(scores, scorer.from_trace(trace), equal_nan=True), "it is the same each time"


def _check_embedded(scorer: Any, folder: Path) -> None:
    from curate.data.dataset import open_dataset
    from curate.vectors.embedding import write_embedding

    digits = open_dataset("digits").take(np.arange(60))
    vectors = np.random.default_rng(7).normal(size=(60, 5)).astype(np.float32)
    header = make_header("embedding", "embed", {}, seed=0, dataset=digits.header())
    embedding = write_embedding(folder / "drawn.safetensors", header, [vectors], 5, digits)
    columns, again = (scorer.from_embedding(embedding, LOGGED) for _ in range(2))
    assert all(len(column) == 60 for column in columns.values()), "every column has all samples"
    first = next(iter(columns))
    _check_scores(columns[first], again[first], 60)


def _check_looking(scorer: Any) -> None:
    import torch

    from curate.data.dataset import open_dataset
    from curate.networks import learner as learners
    from curate.training.batches import Batches

    digits = open_dataset("digits").take(np.arange(40))
    learner = learners.build("basic-cnn", {}, digits, 0, torch.device("cpu"))
    learner.module.eval()
    _, images, labels = next(Batches(digits, learner).plain(np.arange(40), 40))
    with torch.no_grad():
        together = scorer.of_batch(learner, images, labels)
        each = [scorer.of_batch(learner, images[row : row + 1], labels[row : row + 1]) for row in range(40)]
    assert together.shape == (40,), "a batch gives a score for each sample"
    alone = torch.cat(each)
    assert torch.allclose(together, alone, rtol=1e-4, atol=1e-5), "a score does not depend on the batch"

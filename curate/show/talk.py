"""What commands say: talk on stderr, the result on stdout, progress only on a terminal."""

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from curate import finder, outside, world
from curate.artifacts.header import Cost, Header
from curate.progress import Progress
from curate.show.lines import Lines
from curate.text import in_shell, on_terminal, readable

if TYPE_CHECKING:
    from curate.artifacts.tables import Table
    from curate.data.dataset import Dataset
    from curate.manifests.manifest import Manifest
    from curate.vectors.embedding import Embedding
    from curate.verbs.push import Pushed
    from curate.verbs.train import TrainingResult
    from curate.verbs.train_trials import TrialsResult

_QUIET = "curate.quiet"


def console(stream: TextIO) -> Console:
    """A console on stdout or stderr; colours only on a terminal and without NO_COLOR."""
    return _Safe(file=stream, highlight=False)


class _Safe(Console):
    """A console on which text of others, whatever it holds, is text and steers nothing."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Segments of text as they read; those that curate itself steers the terminal by as they are."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else on_terminal(text), style, control)


def say(text: str) -> None:
    """One line of talk, unless the command was told to be quiet."""
    if _is_quiet():
        return
    console(sys.stderr).print(Text(readable(text)), soft_wrap=True)


@contextmanager
def progress() -> Iterator[Progress]:
    """How far work is: a bar on stderr where that is a terminal, else lines; nothing with --quiet."""
    said = shlex.join(["curate", *sys.argv[1:]])
    if _is_quiet():
        silent = Progress()
        silent.said = said
        yield silent
    elif sys.stderr.isatty():
        from curate.show.bar import Bar

        with Bar.shown(console(sys.stderr), said) as bar:
            yield bar
    else:
        yield Lines(say, said)


def be_quiet(context: click.Context) -> None:
    """From here to the end of a command only errors are said, and results."""
    context.meta[_QUIET] = True


def _is_quiet() -> bool:
    context = click.get_current_context(silent=True)
    is_told = context is not None and bool(context.meta.get(_QUIET))
    return is_told or world.here().rank > 0  # of several ranks, one talks


def next_step(command: str) -> None:
    """What to run next."""
    say(f"next: {command}")


def result(path: Path, facts: Header | Mapping[str, Any], as_json: bool) -> None:
    """The last word on stdout: the path written, or one JSON object."""
    if as_json:
        json_object({"path": str(path), **(facts.to_json() if isinstance(facts, Header) else facts)})
    else:
        print(path)  # noqa: T201  stdout is data


def json_object(value: dict[str, Any]) -> None:
    """One JSON object on stdout; NaN and infinity become null."""
    print(json.dumps(_finite(value), indent=1, sort_keys=True, default=str))  # noqa: T201


def embedding(made: "Embedding") -> None:
    """What `embed` made."""
    summary = made.header.summary
    ratio = summary.get("explained_variance_ratio")
    extra = f", {sum(ratio):.1%} of the variance" if ratio else ""
    say(f"{made.n:,} vectors of {made.dim} numbers{extra}")
    next_step(f"curate cluster {made.path}")


def clusters(table: "Table") -> None:
    """What `cluster` made."""
    summary = table.header.summary
    say(
        f"{len(table):,} samples in {summary['k']:,} clusters: objective {summary['objective']:,.6g}, "
        f"{summary['n_empty']} empty, {summary['n_tiny']} tiny, the largest has {summary['largest']:,}"
    )
    gain = summary.get("last_gain")
    if gain is not None:
        gained = f"lowered the objective by {gain:.2%}: another would by about that at most"
        say(f"the last relocation {gained if gain > 0 else 'gained nothing: another would hardly'}")


def scores(table: "Table") -> None:
    """What `score` made."""
    cost = table.header.cost or Cost(None, 0)
    seen = f", {cost.samples_seen:,} samples seen" if cost.samples_seen else ""
    columns = table.header.columns.items()
    names = ", ".join(f"{name} ({about.hard_is} is hard)" for name, about in columns)
    made = f"scored in {cost.seconds or 0.0:.1f} s{seen}" if table.header.cost else "have scores"
    say(f"{len(table):,} samples {made}: {names}{_when(table)}")
    n_groups = table.header.summary.get("n_groups")
    if n_groups is not None:
        if n_groups == len(table):
            say("no two samples are near-duplicates: nothing has to be left out for that")
            return
        say(f"{n_groups:,} groups of near-duplicates and single samples: so many keep one of each")
    keep = n_groups if n_groups and n_groups > 1 else 0.5  # a keep of 1 is everything
    next_step(f"curate select {table.path} --strategy top --keep {keep}")


def _when(table: "Table") -> str:
    """After which epoch of how many the models were looked at, where they were trained for that."""
    options = table.header.options
    if "recipe" not in options:
        return ""
    models, of = options["n_models"], options["recipe"]["n_epochs"]
    return f"; {models} model{'s' * (models > 1)} after epoch {options['n_epochs']} of {of}"


def manifest(made: "Manifest") -> None:
    """What `select` made."""
    summary = made.header.summary
    if "why" in summary:
        say(f"regime {summary['regime']}, strategy {summary['strategy']}: {summary['why']}")
    column = made.header.options.get("column")
    by = f" by {column}" if column else ""
    say(f"kept {summary['n_kept']:,} of {made.n:,} samples ({summary['keep']:.1%}){by}")
    if made.header.dataset.vectors_only:
        say("to train on them, tie the vectors to their samples: curate cluster VECTORS --data DATASET")
        next_step(f"curate export {made.path} --to txt")
    elif not made.header.dataset.classes:
        say("without labels nothing can be trained on it here")
        next_step(f"curate export {made.path}")
    else:
        next_step(f"curate replay {made.path} --against full,random")


def pushed(made: "Pushed", as_json: bool) -> None:
    """What `push` published, or would."""
    if as_json:
        json_object(asdict(made))
        return
    for path, size in made.sizes.items():
        say(f"  {size:>12,} bytes  {path}{'' if path in made.sent else '  (there already)'}")
    total = sum(made.sizes[path] for path in made.sent)
    if made.commit is None:
        say(f"would send at most {total:,} bytes to {made.page}")
    else:
        say(f"sent {total:,} bytes to {made.page} (commit {made.commit[:12]})")
        next_step(f"curate replay {made.address} --against full,random")
    print(made.address)  # noqa: T201  stdout is data


def indexed(made: "Dataset", as_json: bool) -> None:
    """What `index` looked at, and where the index is."""
    looked = made.looked
    assert looked is not None, "the verb gives no other"
    if as_json:
        facts = {"path": str(looked.path), "fingerprint": made.fingerprint, "n": len(made)}
        json_object({**facts, "n_looked": looked.n_looked, "n_bytes": looked.n_bytes})
        return
    (low, high), n_known = looked.sizes, looked.n - looked.n_looked
    say(
        f"{looked.n_looked:,} images were looked at, {n_known:,} were known: {looked.n_bytes / 2**20:,.1f} "
        f"MiB, {low[1]} x {low[0]} to {high[1]} x {high[0]} pixels, fingerprint {made.fingerprint[:12]}"
    )
    print(looked.path)  # noqa: T201  stdout is data


def packed(made: "Dataset", as_json: bool) -> None:
    """What `pack` wrote, and how it is used."""
    height, width, channels = made.images.shape
    n_bytes = len(made) * height * width * channels
    if as_json:
        facts = {"path": made.reference, "n": len(made), "shape": [height, width, channels]}
        json_object({**facts, "n_bytes": n_bytes, "fingerprint": made.fingerprint})
        return
    say(f"{len(made):,} images of {width} x {height} pixels in {n_bytes / 2**20:,.1f} MiB")
    next_step(f"curate train {in_shell(made.reference)} --test DATASET")
    print(made.reference)  # noqa: T201  stdout is data


def pulled(made: "Manifest") -> None:
    """What `pull` fetched, and which dataset it is of."""
    dataset, summary = made.header.dataset, made.header.summary
    say(f"{summary['n_selected_per_epoch']:,.0f} of {made.n:,} samples ({summary['keep']:.1%}) of {dataset}")
    data = in_shell(dataset.reference)
    next_step(f"curate replay {in_shell(made.path)} --data {data} --against full,random")


def training(made: "TrainingResult", dataset: str, model: str | None) -> None:
    """What `train` found; `dataset` and `model` are as the user named them."""
    last = made.epochs[-1]
    took = f" in {made.train_seconds:.1f} s (selecting {made.select_seconds:.2f} s)"
    say(
        f"{last.samples_seen:,} samples seen{took if made.train_seconds else ''}; "
        f"last epoch: loss {last.train_loss:.4f}, accuracy in training {last.train_accuracy:.2%}"
    )
    if last.test_accuracy is not None:
        say(f"test accuracy {last.test_accuracy:.2%}, worst class {last.test_worst_class:.2%}")
    summary = made.manifest.header.summary
    selected = summary.get("selected")
    if selected:
        n = made.manifest.n
        say(
            f"of {n:,} samples, {selected['none'] / n:.1%} were selected at none of "
            f"{len(summary['checkpoints'])} checkpoints, {selected['all'] / n:.1%} at all of them"
        )
        next_step(f"curate inspect {made.manifest.path}")
        return
    if last.test_accuracy is None or summary["keep"] == 1:  # there is nothing to compare
        next_step(f"curate inspect {made.manifest.path}")
        return
    again = f" --data {dataset}" if outside.in_file(dataset) else ""
    again += "" if model is None or finder.is_ours("models", model) else f" --model {model}"
    next_step(f"curate replay {made.manifest.path}{again}")


def trials(made: "TrialsResult", as_json: bool) -> None:
    """What `train --trials` found: every seed, and mean and spread."""
    if as_json:
        runs = [asdict(outcome) for outcome in made.outcomes]
        json_object({"path": str(made.path), "accuracy": asdict(made.summary("accuracy")), "trials": runs})
        return
    out = console(sys.stdout)
    plus_minus = "±" if out.encoding.lower().startswith("utf") else "+-"
    for outcome in made.outcomes:
        seen = f"{outcome.samples_seen:,} samples seen"
        out.print(Text(f"seed {outcome.seed}: test accuracy {outcome.accuracy:.2%}, {seen}"))
    accuracy, n = made.summary("accuracy"), len(made.outcomes)
    spread = "" if accuracy.std is None else f" {plus_minus} {100 * accuracy.std:.2f}"
    out.print(Text(f"test accuracy {accuracy.mean:.2%}{spread} (n = {n}), after the last epoch"))
    print(made.path)  # noqa: T201  stdout is data


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and value - value != 0 else value

"""Options that several commands share, so that they are spelt and explained in one place."""

import functools
import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import click

from curate import finder
from curate.errors import CurateError
from curate.finder import Summary
from curate.networks.model import DEFAULT_BEYOND, DEFAULT_MODEL, SMALL

Function = Callable[..., Any]
PLACE = "{methods}"  # in a help text: stands for the list of methods
_INDENT, _NAME = 2, 18  # columns


class Listing(click.Command):
    """A command whose help lists the methods of some kinds, each as its own file describes it.

    The list of the kinds `methods` stands where the help says {methods}; `remark` says what a method needs.
    """

    def __init__(
        self,
        *args: Any,
        methods: Sequence[str],
        remark: Callable[[Summary], str] = lambda summary: "",
        **rest: Any,
    ) -> None:
        super().__init__(*args, **rest)
        self._methods, self._remark = methods, remark

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help text with the list in its place."""
        written = self.help
        lists = "\n\n".join(self._list(kind, formatter.width) for kind in self._methods)
        self.help = inspect.cleandoc(written or "").replace(PLACE, lists)
        super().format_help_text(ctx, formatter)
        self.help = written

    def _list(self, kind: str, width: int) -> str:
        names = finder.own_names(kind)
        lines = [line for name in names for line in self._lines(kind, name, width - _INDENT)]
        return "\n".join(["\b", *lines])

    def _lines(self, kind: str, name: str, width: int) -> list[str]:
        summary = finder.summary(kind, name)
        text = f"{summary.text} {self._remark(summary)}".strip()
        settings = " ".join(f"{option}={default}" for option, default in summary.options.items())
        filled = textwrap.wrap(text, max(30, width - _NAME))
        filled += textwrap.wrap(f"--set {settings}", max(30, width - _NAME)) if settings else []
        names = [name] + [""] * (len(filled) - 1)
        return [f"{name:<{_NAME - 1}} {line}" for name, line in zip(names, filled, strict=True)]


_LEVELS = ("error", "info", "debug")


def _told(context: click.Context, _: click.Parameter, value: Any) -> None:
    """Remember what is to be said: `--quiet` is the level error, and `--debug` is debug."""
    if value in (True, "error"):
        from curate.show import talk

        talk.be_quiet(context)


def logs(function: Function) -> Function:
    """The options that say how much a command tells of itself."""
    for option in (
        click.option("--debug", is_flag=True, expose_value=False, help="Show a traceback for errors."),
        click.option(
            "--log-level",
            type=click.Choice(_LEVELS),
            expose_value=False,
            callback=_told,
            help="error is --quiet, debug is --debug; info is how it is.",
        ),
        click.option(
            "--quiet",
            "-q",
            is_flag=True,
            expose_value=False,
            callback=_told,
            help="Say errors and results alone.",
        ),
    ):
        function = option(function)
    return function


BY_SIZE = f"by default {DEFAULT_MODEL}, for images beyond {SMALL} pixels {DEFAULT_BEYOND}"
SEED = click.option("--seed", default=0, show_default=True, help="Seed of every random decision.")
DEVICE = click.option("--device", help="cpu, cuda or cuda:1; by default a GPU where there is one.")
WEIGHTS = click.option(
    "--weights", metavar="PATH", help="Weights to start from: a file, or a folder that `train` wrote."
)
TEST = click.option("--test", metavar="DATASET", help="Test set, where the dataset has no test split.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
SET = click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Set an option of a method; repeatable."
)


def output(what: str) -> Callable[[Function], Function]:
    """`-o` and `--force` for a command that writes `what`."""

    def add(function: Function) -> Function:
        function = click.option("--force", is_flag=True, help="Replace the output if it exists.")(function)
        return click.option(
            "-o", "--output", metavar=what, help="Where to write; by default a name that tells the contents."
        )(function)

    return add


_DATASET = (
    click.option("--split", default="", help="train (the default), val, test or all."),
    click.option("--image-size", type=int, metavar="PIXELS", help="Resize and crop all images to a square."),
    click.option("--channels", type=int, metavar="1|3", help="Make all images grey (1) or colour (3)."),
    click.option("--root", default="data", show_default=True, help="Folder of torchvision datasets."),
    click.option("--download", is_flag=True, help="Fetch a torchvision dataset that is not there."),
    click.option(
        "--skip-corrupt/--no-skip-corrupt",
        default=None,
        help="Leave out all unreadable images, or none; by default up to 5%, which are named.",
    ),
    click.option("--image-column", metavar="NAME", help="Column of the images in Parquet."),
    click.option("--label-column", metavar="NAME", help="Column of the labels in Parquet."),
    click.option("--verify", is_flag=True, help="Read all images again, and hold the index to them."),
    click.option("--stream", is_flag=True, help="Decode images when needed, however small the set."),
)


def dataset(function: Function) -> Function:
    """The options that say how a dataset is opened, handed over as `opening`."""

    @functools.wraps(function)
    def gathered(**values: Any) -> Any:
        from curate.data.dataset import Options

        names = Options.__dataclass_fields__
        own = {name: values.pop(name) for name in names}
        return function(opening=Options(**own), **values)

    for option in reversed(_DATASET):
        gathered = option(gathered)
    return gathered


_EPOCHS = click.option("--epochs", "n_epochs", type=int, help="Passes over the selected samples.")
_HYPERPARAMETERS = {
    "batch_size": click.option(
        "--batch-size", type=int, help="Samples per step; by default the model's, or what fits."
    ),
    "optimizer": click.option("--optimizer", help="sgd or adam."),
    "lr": click.option("--lr", type=float, help="The largest learning rate."),
    "momentum": click.option("--momentum", type=float, help="Nesterov momentum of sgd."),
    "weight_decay": click.option("--weight-decay", type=float, help="Weight decay."),
    "schedule": click.option("--schedule", help=f"One of {', '.join(finder.own_names('schedules'))}."),
    "precision": click.option("--precision", help="auto, fp32 or bf16; auto is what is fastest here."),
    "augment": click.option(
        "--augment",
        help=f"One of {', '.join(finder.own_names('augmentations'))}, or auto (colour images: crop-flip).",
    ),
}


def hyperparameters(epochs: bool = True) -> Callable[[Function], Function]:
    """The options that override a model's `hyperparameters`, handed over as that; None keeps the model's.

    Without `epochs`, the command has an option of its own for them.
    """
    chosen = {**({"n_epochs": _EPOCHS} if epochs else {}), **_HYPERPARAMETERS}

    def add(function: Function) -> Function:
        @functools.wraps(function)
        def gathered(**values: Any) -> Any:
            return function(hyperparameters={name: values.pop(name) for name in chosen}, **values)

        for option in reversed(chosen.values()):
            gathered = option(gathered)
        return gathered

    return add


def parse_values(settings: tuple[str, ...]) -> dict[str, Any]:
    """`--set keep=0.1,0.3` as values of a recipe: numbers where they are some, lists at commas."""
    return {name: _value(text) for name, text in parse_settings(settings).items()}


def _value(text: str) -> Any:
    if "," in text:
        return [_value(part.strip()) for part in text.split(",")]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def parse_indices(text: str | None) -> list[int]:
    """`3,17,200` as numbers of samples."""
    try:
        return [int(part) for part in (text or "").split(",") if part.strip()]
    except ValueError:
        raise CurateError(f"--samples {text} are no numbers: write them as 3,17,200") from None


def parse_settings(settings: tuple[str, ...]) -> dict[str, str]:
    """`--set a=1 --set b=2` as a mapping."""
    parsed = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise CurateError(f"--set {setting} is not NAME=VALUE: write --set {name or 'name'}=value")
        if name in parsed:
            raise CurateError(f"--set {name} is given twice: give it once")
        parsed[name.strip()] = value.strip()
    return parsed

"""The entry point: finds the command, and turns every error into one line and an exit code."""

import codecs
import errno
import io
import json
import logging
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from curate import world
from curate.cli import options
from curate.errors import CurateError
from curate.text import readable

_ORDER = (
    "embed",
    "cluster",
    "score",
    "select",
    "train",
    "replay",
    "inspect",
    "index",
    "pack",
    "status",
    "compare",
    "run",
    "report",
    "advise",
    "export",
    "push",
    "pull",
    "list",
    "methods",
)
_SHARED_OUT = ("embed", "cluster", "score", "train", "replay")  # by the ranks that torchrun starts
_INTERRUPTED = 130
_ASCII = {"±": "+-", "…": "...", "×": "x", "−": "-", "–": "-", "→": "->", "≤": "<=", "≥": ">=", "‖": "||"}


class _Commands(options.Listing, click.Group):
    """Commands by file name, imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = {file.stem for file in Path(__file__).parent.glob("[!_]*.py")} - {"main", "options"}
        return [name for name in _ORDER if name in names] + sorted(names - set(_ORDER))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        module = __import__(f"curate.cli.{name}", fromlist=["command"])
        command: click.Command = module.command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [*args[1:2], "--help"] if args[:1] == ["help"] else args)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from curate.finder import nearest

            raise CurateError(f"there is no command '{args[0]}': {nearest(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, methods=["sources"], context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="curate", message="%(prog)s %(version)s")
@options.logs
def curate() -> None:
    """Find the samples worth training on, and write the decision down as a manifest.

    \b
    A first round, without network:
      curate embed digits
      curate cluster digits-pca.safetensors --strategy furthest --keep 0.3
      curate replay digits-pca-k12-furthest-0.3 --against full,random

    DATASET is what one of these sources reads; SOURCE:PATH says which is meant:

    {methods}
    """


def main() -> None:
    """Run the command line; exit code 2 for what the user can mend."""
    codecs.register_error("in_ascii", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="in_ascii")  # a terminal without Unicode still shows the rest
    logging.getLogger("curate").addHandler(logging.NullHandler())  # what is to be said is said by commands
    try:
        with _ranks():
            curate.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as wanted:
        click.echo(wanted.format_message())
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _interrupted()
    except click.ClickException as problem:
        _fail(" ".join(problem.format_message().split()), problem.exit_code)
    except CurateError as problem:
        _fail(str(problem))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as problem:
        _fail(_in_words(problem))
    except Exception as problem:  # noqa: BLE001
        if _is_out_of_memory(problem):
            _fail(
                "out of memory: use --stream, a smaller --image-size or --batch-size, or a machine with more"
            )
        if _came_of_interrupt(problem):
            _interrupted()
        # Not foreseen, so a fault of curate: still one line, and the way to more.
        line = " ".join(str(problem).split())[:200]
        _fail(f"unexpected {type(problem).__name__} ({line}): --debug shows where; please report it", 1)


@contextmanager
def _ranks() -> Iterator[None]:
    """Do a command together with the other processes of torchrun; what is not shared out, the first does."""
    if not world.is_started():
        yield
        return
    is_first = int(os.environ["RANK"]) == 0
    if sys.argv[1:2] and sys.argv[1] in _SHARED_OUT:
        world.join()
    elif not is_first:
        sys.exit()
    if not is_first:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  until the end
    from curate.artifacts.header import versions

    world.here().agree({"their command": shlex.join(sys.argv[1:]), **versions()})
    yield
    world.leave()


def _in_ascii(problem: UnicodeError) -> tuple[str, int]:
    """What is shown in the place of a letter that a terminal has not."""
    assert isinstance(problem, UnicodeEncodeError)
    letters = problem.object[problem.start : problem.end]
    return "".join(_ASCII.get(letter, "?") for letter in letters), problem.end


def _is_debugged() -> bool:
    words = sys.argv
    return "--debug" in words or "--log-level=debug" in words or ("--log-level", "debug") in pairwise(words)


def _is_out_of_memory(problem: Exception) -> bool:
    """Whether numpy or torch found no room, in memory or on a device."""
    is_torchs = type(problem).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(problem)
    return isinstance(problem, MemoryError) or (isinstance(problem, RuntimeError) and is_torchs)


def _came_of_interrupt(problem: BaseException | None) -> bool:
    """Whether an error is what a library made of an interrupt, as numpy does while it is imported."""
    while problem is not None:
        if isinstance(problem, KeyboardInterrupt):
            return True
        problem = problem.__cause__ or problem.__context__
    return False


def _interrupted() -> None:
    """End with 130, at whatever moment the interrupt came.

    CPython kills itself with SIGINT on its way out once an interrupt has passed through `exec`, as it does
    while dataclasses are imported, handled or not. All clean-up is done by now, so nothing is left to exit.
    """
    if _is_debugged():
        raise  # noqa: PLE0704  called while the error is being handled
    click.echo("error: interrupted: what was there before is untouched", err=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_INTERRUPTED)


def _fail(line: str, code: int = 2) -> None:
    if _is_debugged():
        raise  # noqa: PLE0704  called while the error is being handled
    ranks = world.here()
    if world.is_first_to_say():
        click.echo(f"error: {f'rank {ranks.rank}: ' if ranks.rank else ''}{readable(line)}", err=True)
        if "--json" in sys.argv:
            click.echo(json.dumps({"error": line, "exit_code": code}))
    if ranks.size > 1:
        world.linger()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # to part in good order, the others would have to be there
    sys.exit(code)


def _in_words(problem: OSError) -> str:
    where = f" ({problem.filename})" if problem.filename else ""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"{problem.strerror}{where}: make room and run the command again; nothing was replaced"
    return f"{problem.strerror or problem}{where}"

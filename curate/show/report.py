"""report: from a results file to figures, tables, verdicts and one page that needs nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.artifacts.files import atomic_file, clear_up
from curate.artifacts.results import about_results, read_results
from curate.artifacts.standing import note_standing
from curate.errors import CurateError
from curate.progress import LOGGED, Progress
from curate.recipes.claims import Claim, checked
from curate.recipes.comparison import Comparison, verdicts
from curate.recipes.run import STORE
from curate.show.canvas import Figure
from curate.show.figures import draw
from curate.show.page import page
from curate.show.sheets import Pictures, sheets_of
from curate.show.tables import Table, markdown, tables_of
from curate.text import in_markdown
from curate.verbs.naming import public

PAGE, MARKDOWN = "index.html", "report.md"
DEFAULT_FIGURES = ("keep", "seconds", "samples", "distribution")


@dataclass(frozen=True)
class Report:
    """What a report says: title, tables, verdicts by method, warnings, the commands, and its pictures."""

    path: Path
    title: str
    about: str
    tables: list[Table]
    claims: list[Claim]
    verdicts: Mapping[str, str]
    warnings: list[str]
    commands: list[str]
    figures: list[Figure]
    sheets: list[Pictures]
    comparison: Comparison


def report(
    results: str | Path,
    output: str | Path | None = None,
    *,
    store: str | Path = STORE,
    force: bool = False,
    progress: Progress = LOGGED,
) -> Report:
    """Write the report of a results file to a folder: index.html, report.md, and figures as PNG and SVG.

    Sheets of the most and the least selected images are drawn where the store has the sessions, and the data
    are where they were.
    """
    rows, about = read_results(results), about_results(results)
    if not rows:
        raise CurateError(f"{results} has no trials yet: let `curate run` or `curate replay` finish one")
    folder = Path(output) if output is not None else Path(f"{Path(results).stem}-report")
    if folder.exists() and not folder.is_dir():
        raise CurateError(f"{folder} is a file: name a folder with -o")
    comparison = Comparison(rows)
    wanted: Mapping[str, Any] = about.get("report", {})
    figures = [
        figure for name in wanted.get("figures", DEFAULT_FIGURES) for figure in draw(name, comparison, wanted)
    ]
    made = Report(
        path=folder,
        title=str(about.get("title", Path(results).stem)),
        about=str(about.get("about", "")),
        tables=tables_of(comparison),
        claims=checked(wanted.get("claims", []), comparison),
        verdicts=verdicts(comparison),
        warnings=comparison.warnings,
        commands=_commands(about, results),
        figures=figures,
        sheets=sheets_of(comparison, Path(store)),
        comparison=comparison,
    )
    _write(folder, _files(made), force, progress)
    return made


def _files(made: Report) -> dict[str, bytes]:
    """What a report consists of, by name; the page is last."""
    files = {f"{figure.name}.png": figure.png for figure in made.figures}
    files |= {f"{figure.name}.svg": figure.svg.encode() for figure in made.figures}
    files |= {sheet.file: sheet.webp for sheet in made.sheets}
    return {**files, MARKDOWN: _markdown(made).encode(), PAGE: page(made).encode()}


def _write(folder: Path, files: Mapping[str, bytes], force: bool, progress: Progress) -> None:
    """Write the files, or what is not there yet of a report that was killed; refuse a folder of others."""
    there = {path.name for path in folder.iterdir() if path.suffix != ".tmp"} if folder.exists() else set()
    same = {name for name in there & files.keys() if _holds(folder / name, files[name])}
    if there - same and not force:
        ours = (folder / PAGE).is_file() and (folder / MARKDOWN).is_file()
        remedy = "use --force to write it anew" if ours else "name another with -o"
        raise CurateError(f"{folder} is there already: {remedy}")
    if same == files.keys() and not force:
        note_standing(folder, progress)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        clear_up(folder / name)
        if name not in same:
            with atomic_file(folder / name, force=True) as temporary:
                temporary.write_bytes(content)


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content


def _commands(about: Mapping[str, Any], results: str | Path) -> list[str]:
    """The commands that make the results and the report again."""
    if "recipe" not in about:
        return [f"curate report {Path(results).name}"]
    words = [f"curate run {about['recipe']}"]
    words += [f"--profile {about['profile']}"] if about.get("profile") else []
    for name, value in about.get("given", {}).items():
        texts = [public(str(one)) for one in (value if isinstance(value, list) else [value])]
        words.append(f"--set {name}={','.join(texts)}")
    return [" ".join(words), f"curate report {Path(results).name}"]


def _verdicts(made: Report) -> list[str]:
    return [f"- **{in_markdown(name)}**: {in_markdown(text)}." for name, text in made.verdicts.items()]


def _markdown(made: Report) -> str:
    lines = [f"# {made.title}", "", *([made.about.strip(), ""] if made.about.strip() else [])]
    for table in made.tables:
        lines += [f"## {table.title}", "", *markdown(table), ""]
        lines += [table.note, ""] if table.note else []
    if made.claims:
        lines += ["## What the source says, and what came out", ""]
        lines += [f"- {one.text}: **{one.verdict}** ({'; '.join(one.evidence)})." for one in made.claims]
        lines += [""]
    if made.verdicts:
        lines += ["## Verdicts", "", *_verdicts(made), ""]
    if made.warnings:
        lines += ["## Beware", "", *(f"- {text}." for text in made.warnings), ""]
    for figure in made.figures:
        lines += [f"## {figure.title}", "", f"![{figure.title}]({figure.name}.png)", ""]
    for sheet in made.sheets:
        lines += [f"## {sheet.title}", "", f"![{sheet.title}]({sheet.file})", ""]
    lines += ["## Commands", "", "```bash", *made.commands, "```", "", *_machine(made.comparison.rows)]
    return "\n".join(lines)


def _machine(rows: Sequence[Any]) -> list[str]:
    machines = sorted({f"{row.machine}, {row.device}, {row.n_threads} threads a run" for row in rows})
    versions = sorted({row.versions for row in rows})
    return [f"{len(rows):,} trials on {'; '.join(machines)}; {'; '.join(versions)}.", ""]

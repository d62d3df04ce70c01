"""One HTML page that needs nothing else: no network, no script of others; for phones, paper and the dark."""

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

from curate.show.canvas import inline
from curate.show.tables import Table
from curate.text import in_html

if TYPE_CHECKING:
    from curate.show.report import Report

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --soft: #57606a; --line: #d0d7de;
  --head: #f6f8fa; --link: #0550ae; --warn: #fff4e5; --warn-ink: #6b3a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --soft: #9da7b1;
  --line: #30363d; --head: #161b22; --link: #79b8ff; --warn: #33260d; --warn-ink: #ffd8a8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 64rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2rem; }
p, li, figcaption { max-width: 46rem; }
figcaption, .note { color: var(--soft); font-size: 0.9rem; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
.wide:focus-visible, button:focus-visible, pre:focus-visible { outline: 2px solid var(--link); }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 0.35rem 0.6rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th:first-child, tbody th { text-align: left; font-weight: 600; white-space: normal; min-width: 8rem; }
thead th { background: var(--head); }
thead button { all: unset; cursor: pointer; font-weight: 600; }
thead button::after { content: " \\2195"; color: var(--soft); }
th[aria-sort=ascending] button::after { content: " \\2191"; }
th[aria-sort=descending] button::after { content: " \\2193"; }
figure { margin: 1.5rem 0; } figure svg, figure img { width: 100%; height: auto; max-width: 56rem; }
.sheet img { background: #fff; padding: 4px; image-rendering: pixelated; }
.beware { background: var(--warn); color: var(--warn-ink); border-radius: 6px; padding: 0.5rem 1rem; }
pre { overflow-x: auto; background: var(--head); border: 1px solid var(--line); padding: 0.75rem;
  border-radius: 6px; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: 0.2rem 1rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.chart td, .chart th { border-bottom: 0; padding-block: 0.1rem; }
.chart .bar { width: 60%; min-width: 8rem; }
.bar div { position: relative; height: 0.9rem; }
.bar b { display: block; height: 100%; background: var(--link); }
.bar i { position: absolute; top: -1px; bottom: -1px; width: 3px; background: var(--ink); }
@media print { body { max-width: none; } .wide { overflow: visible; border: 0; }
  thead button::after { content: ""; } figure, tr { break-inside: avoid; } table { font-size: 0.7rem; } }
"""
_SCRIPT = """
for (const button of document.querySelectorAll("thead button")) button.addEventListener("click", () => {
  const head = button.closest("th"), table = head.closest("table"), column = head.cellIndex;
  const down = head.getAttribute("aria-sort") !== "descending";
  for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = row => row.cells[column].dataset.value ?? "";
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    const [one, two] = [value(a), value(b)];
    if (one === "" || two === "") return (one === "") - (two === "");
    const order = column === 0 ? one.localeCompare(two) : one - two;
    return down ? -order : order;
  });
  table.tBodies[0].append(...rows);
});
"""


def page(made: "Report") -> str:
    """The report as one HTML text."""
    parts = [
        f"<h1>{in_html(made.title)}</h1>",
        *(f"<p>{in_html(text)}</p>" for text in made.about.strip().split("\n\n") if text),
    ]
    if made.warnings:
        items = "".join(f"<li>{in_html(text)}</li>" for text in made.warnings)
        parts.append(f'<div class="beware" role="note"><strong>Beware</strong><ul>{items}</ul></div>')
    if made.claims:
        items = "".join(
            f"<li>{in_html(one.text)}: <strong>{in_html(one.verdict)}</strong> "
            f'<span class="note">({in_html("; ".join(one.evidence))})</span></li>'
            for one in made.claims
        )
        parts.append(f"<h2>What the source says, and what came out</h2><ul>{items}</ul>")
    if made.verdicts:
        items = "".join(
            f"<li><strong>{in_html(name)}</strong>: {in_html(text)}.</li>"
            for name, text in made.verdicts.items()
        )
        parts.append(f"<h2>Verdicts</h2><ul>{items}</ul>")
    for figure in made.figures:
        caption = f"<figcaption>{in_html(figure.title)}</figcaption>"
        parts.append(f"<figure>{inline(figure)}{caption}</figure>")
    parts += [table_html(table, number) for number, table in enumerate(made.tables)]
    for sheet in made.sheets:
        data = base64.b64encode(sheet.webp).decode()
        parts.append(
            f'<figure class="sheet"><img alt="{in_html(sheet.text)}" src="data:image/webp;base64,{data}">'
            f"<figcaption>{in_html(sheet.title)}</figcaption></figure>"
        )
    commands = "\n".join(in_html(command) for command in made.commands)
    parts.append(f'<h2>Commands</h2><pre tabindex="0">{commands}</pre>')
    parts.append(f'<p class="note">{in_html(_foot(made))}</p>')
    return document(made.title, parts)


def document(title: str, parts: Sequence[str]) -> str:
    """A whole page around its parts."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
            "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">",
            f"<title>{in_html(title)}</title><style>{_STYLE}</style></head>",
            f"<body><main>{''.join(parts)}</main><script>{_SCRIPT}</script></body></html>",
            "",
        ]
    )


def table_html(table: Table, number: int) -> str:
    """A table whose columns can be sorted, by key or by pointer."""
    heads = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{in_html(name)}</button></th>'
        for name in ["method", *table.columns]
    )
    rows = []
    for line, ((name, *texts), values) in enumerate(zip(table.rows, table.values, strict=True)):
        cells = [f'<th scope="row" data-value="{in_html(name)}">{in_html(name)}</th>']
        for column, (text, value) in enumerate(zip(texts, values, strict=True)):
            shown = in_html(text)
            shown = f"<strong>{shown}</strong>" if (line, column) in table.bold else shown
            cells.append(f'<td data-value="{"" if value is None else repr(float(value))}">{shown}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    title = in_html(table.title)
    note = f'<p class="note">{in_html(table.note)}</p>' if table.note else ""
    return (
        f'<h2 id="table-{number}">{title}</h2>'
        f'<div class="wide" tabindex="0" role="region" aria-labelledby="table-{number}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>{note}"
    )


def _foot(made: "Report") -> str:
    rows = made.comparison.rows
    machines = sorted({f"{row.machine}, {row.device}, {row.n_threads} threads a run" for row in rows})
    versions = sorted({row.versions.strip("{}").replace('"', "") for row in rows})
    return f"{len(rows):,} trials on {'; '.join(machines)}. {'; '.join(versions)}."

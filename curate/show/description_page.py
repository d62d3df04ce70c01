"""What `inspect` finds, as one HTML page: facts, charts and, where one was drawn, the sheet of images."""

import base64
from pathlib import Path

from curate.artifacts.files import atomic_file, is_there
from curate.show.page import document
from curate.text import in_html
from curate.verbs.description import Chart, Description

_KINDS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}


def write_page(path: Path, description: Description, sheet: Path | None = None, force: bool = False) -> None:
    """Write the page of a description; `sheet` is a picture that goes on it."""
    content = page_of(description, sheet).encode()
    if not is_there(path, content, force):
        with atomic_file(path, force) as temporary:
            temporary.write_bytes(content)


def page_of(description: Description, sheet: Path | None = None) -> str:
    """The page as one HTML text."""
    facts = "".join(f"<dt>{in_html(name)}</dt><dd>{in_html(value)}</dd>" for name, value in description.facts)
    parts = [f"<h1>{in_html(description.title)}</h1><dl>{facts}</dl>"]
    parts += [_chart(chart, number) for number, chart in enumerate(description.charts)]
    if sheet is not None and sheet.suffix.lower() not in _KINDS:
        name = in_html(sheet.name)
        parts.append(f'<p>Images are on <a href="{name}">{name}</a>.</p>')
    elif sheet is not None:
        data = base64.b64encode(sheet.read_bytes()).decode()
        kind = _KINDS[sheet.suffix.lower()]
        parts.append(
            '<figure class="sheet"><img alt="Images, the easy on the left and the hard on the right" '
            f'src="data:image/{kind};base64,{data}"><figcaption>Easy on the left, hard on the right'
            "</figcaption></figure>"
        )
    return document(description.title, parts)


def _chart(chart: Chart, number: int) -> str:
    """Bars as a table, so that a screen reader reads every number; a mark is a line on its bar."""
    if not chart.bars:
        return ""
    full = chart.full or max(max(bar.value, bar.mark or 0.0) for bar in chart.bars) or 1.0
    rows = []
    for bar in chart.bars:
        mark = "" if bar.mark is None else f'<i style="left:{100 * min(bar.mark / full, 1):.1f}%"></i>'
        width = 100 * min(max(bar.value / full, 0.0), 1.0)
        rows.append(
            f'<tr><th scope="row">{in_html(bar.label)}</th><td class="bar" aria-hidden="true"><div>'
            f'<b style="width:{width:.1f}%"></b>{mark}</div></td><td>{in_html(bar.text)}</td></tr>'
        )
    title = in_html(chart.title)
    return (
        f'<h2 id="chart-{number}">{title}</h2><div class="wide" tabindex="0" role="region" '
        f'aria-labelledby="chart-{number}"><table class="chart"><tbody>{"".join(rows)}</tbody></table></div>'
    )

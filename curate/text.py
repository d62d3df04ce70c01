"""Text of others, such as the name of a class, as text: on a terminal, in HTML, in Markdown, in a command."""

import html
import re
import shlex

# Control characters, line separators, and marks that change the direction of what follows.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]+")
_NO_TEXT = re.compile("[\ud800-\udfff]")  # bytes of a file name that are no UTF-8
_MARKS = re.compile(r"([\\`*_\[\]|~])")


def readable(text: object) -> str:
    """One line that shows as it reads: line breaks become spaces, and what steers a terminal is gone."""
    shown = _UNSEEN.sub(lambda found: " " if any(map(str.isspace, found[0])) else "", str(text))
    return _NO_TEXT.sub("\ufffd", shown)


def on_terminal(text: str) -> str:
    """The same of a piece of what is printed, whose own line breaks are left."""
    if text.isprintable():
        return text
    return "".join(part if part == "\n" else readable(part) for part in re.split("(\n)", text))


def in_html(text: object) -> str:
    """Text within a page, or within the quotes of an attribute."""
    return html.escape(readable(text), quote=True)


def in_markdown(text: object) -> str:
    """Text within Markdown, also within the cell of a table."""
    escaped = html.escape(readable(text), quote=False)
    return _MARKS.sub(r"\\\1", escaped)


def in_code(text: object) -> str:
    """Text within backticks."""
    return readable(text).replace("`", "'")


def in_shell(text: object) -> str:
    """One word of a command that is shown to be pasted."""
    return shlex.quote(readable(text))

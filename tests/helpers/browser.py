"""Pages as a parser and as a real browser see them."""

import html
import html.parser
import json
import re
import shutil
import subprocess

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Outline(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attributes)))


PROBE = """
<script>
addEventListener("load", () => {
  const table = document.querySelector("table");
  const names = () => [...table.tBodies[0].rows].map(row => row.cells[0].textContent);
  const before = names(), button = table.querySelectorAll("thead button")[2];
  button.focus(); button.click(); const down = names(); button.click(); const up = names();
  const wide = [...document.querySelectorAll("body *")].filter(e => !e.closest(".wide, pre, svg")
    && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).length;
  const contrast = getComputedStyle(document.body);
  const out = document.createElement("pre"); out.id = "probe";
  out.textContent = JSON.stringify({before, down, up, wide,
    ink: contrast.color, paper: contrast.backgroundColor, focused: document.activeElement === button,
    sorted: table.querySelectorAll("thead th")[2].getAttribute("aria-sort"),
    width: document.documentElement.clientWidth, svgs: document.querySelectorAll("svg").length});
  document.body.append(out);
});
</script></body>
"""


def in_chromium(page, here, *flags):
    """What the page says of itself in a browser: the probe's findings, and what the browser complained of."""
    probed = here / "probed.html"
    probed.write_text(page.read_text().replace("</body>", PROBE))
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={here}/profile", "--enable-logging=stderr", "--virtual-time-budget=3000",
            *flags, "--dump-dom", f"file://{probed}",
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(found[1])), complaints

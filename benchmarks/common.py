"""What the benchmarks share: alternating timing, spreads, and a results file that names the machine."""

import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def alternate(
    ways: dict[str, Callable[[], object]], n: int
) -> tuple[dict[str, list[float]], dict[str, list]]:
    """Run every way `n` times in turn; seconds and results by name."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    results: dict[str, list] = {name: [] for name in ways}
    for _ in range(n):
        for name, way in ways.items():
            started = time.perf_counter()
            results[name].append(way())
            seconds[name].append(time.perf_counter() - started)
    return seconds, results


def spread(values: list[float], digits: int = 2) -> str:
    """Mean ± std (n)."""
    std = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):,.{digits}f} ± {std:.{digits}f} ({len(values)})"


def ratio(ours: list[float], theirs: list[float]) -> str:
    """Mean ± std of the pairwise ratios."""
    return spread([one / other for one, other in zip(ours, theirs, strict=True)], 3)


def peak_mb() -> float:
    """The most memory that this process had, in MB; getrusage counts that of its parent as well."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def watched(words: list[str], environment: dict[str, str] | None = None) -> tuple[float, float]:
    """Run a command; its seconds, and the most anonymous memory that it had, in MB, without files it maps."""
    started, most = time.perf_counter(), 0
    with tempfile.TemporaryFile() as said:
        own = {**os.environ, **(environment or {})}
        process = subprocess.Popen(words, env=own, stdout=subprocess.DEVNULL, stderr=said)
        while process.poll() is None:
            with suppress(OSError, StopIteration):
                lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
                most = max(most, next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")))
            time.sleep(0.1)
        said.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(words)}: {said.read()[-500:].decode()}")
    return time.perf_counter() - started, most / 1024


def machine() -> str:
    """Processor, cores, versions: what a result depends on."""
    from curate.artifacts.header import versions
    from curate.artifacts.results import machine as processor

    libraries = ", ".join(f"{library} {version}" for library, version in versions().items())
    return f"{processor()}, Python {platform.python_version()}, {libraries}"


def write(name: str, lines: list[str], raw: dict | None = None) -> None:
    """results/NAME.md, and results/NAME.json with the raw numbers."""
    RESULTS.mkdir(exist_ok=True)
    text = "\n".join([*lines, "", machine(), ""])
    (RESULTS / f"{name}.md").write_text(text)
    if raw is not None:
        (RESULTS / f"{name}.json").write_text(json.dumps(raw, indent=1) + "\n")
    print(text)

"""What the benchmarks share: alternating timing, spreads, and a results file that names the machine."""

import json
import platform
import statistics
import time
from collections.abc import Callable
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

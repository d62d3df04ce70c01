"""(a) The tests marked gpu."""

import re
import subprocess
import sys
from pathlib import Path

from gpu_stages.day import Day, Result, Size, Stage, each

ROOT = Path(__file__).parents[2]


def cells(size: Size) -> list[str]:
    return ["tests marked gpu"]


def measure(cell: str, day: Day) -> Result:
    words = ["-m", "pytest", "-m", "gpu", "-n", "0", "-p", "no:cacheprovider", "-rfE", "tests/test_gpu.py"]
    words += ["--override-ini", "filterwarnings="]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=max(1, day.left() - 5),
        check=False,
    )
    print(done.stdout[-4000:], done.stderr[-2000:])
    counts = {
        word: int(number)
        for number, word in re.findall(r"(\d+) (passed|failed|skipped|errors?)", done.stdout)
    }
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return {"exit_code": done.returncode, **counts, "failing": failed}


def page(results: list[Result]) -> list[str]:
    lines = []
    for result in results:
        failing = "".join(f"\n- {name}" for name in result["failing"])
        counts = ", ".join(
            f"{result[word]} {word}" for word in ("passed", "failed", "skipped") if word in result
        )
        lines.append(f"{result['card']}: {counts or 'none ran'}.{failing}")
    return lines


STAGE = Stage("tests", "Tests marked gpu", 2, True, cells, each(measure, 60), page)

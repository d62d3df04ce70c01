"""What the dataset index saves: a folder of very many small files, and one of photographs, opened twice.

    python benchmarks/index.py --files 1280000 --photos PHOTOS --folder FOLDER

The small files are JPEGs of 64 x 64 pixels in 1,000 class folders, all different. PHOTOS is a folder of class
folders, to each of which links are made until there are `--photos-at-least` of them: all lie in the page
cache. Every opening is a process of its own. Memory is the peak of the process; what a file more takes of it
is the difference to that of half of the small files, shared out over the other half.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import ratio, spread, write

_OPEN = """
import json, sys, time
from pathlib import Path
began = time.perf_counter()
from curate.data.dataset import Options, open_dataset
from curate.progress import Progress
opened = open_dataset(sys.argv[1], Options("all"), Progress())
seconds = time.perf_counter() - began
about = Path("/proc/self/status").read_text().split("VmHWM:")[1]
mb = int(about.split()[0]) / 1024
print(json.dumps([seconds, mb, opened.looked.n_looked, len(opened), opened.fingerprint]))
"""


def main() -> None:
    """Make the folders, open them, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_280_000)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--photos-at-least", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, required=True, help="where there is room for a million files")
    parser.add_argument("--openings", type=int, default=3)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    command = f"--files {asked.files} --photos PHOTOS --folder FOLDER --openings {asked.openings}"
    lines = [f"    python benchmarks/index.py {command}", ""]
    lines += [
        "| folder | files | first, s | MB | again, s | MB | again / first |",
        "|---|---|---|---|---|---|---|",
    ]
    raw = {}
    small = small_files(asked.folder / "small", asked.files)
    for name, folder in (
        ("small files", small),
        ("half of them", half(small, asked.folder / "half")),
        ("photographs", photographs(asked.folder / "photos", asked.photos, asked.photos_at_least)),
    ):
        first, again, n = openings(folder, asked.openings)
        raw[name] = {"first": first, "again": again, "n": n}
        cells = [
            spread([one[place] for one in times], digits)
            for times in (first, again)
            for place, digits in ((0, 1), (1, 0))
        ]
        shares = ratio([one[0] for one in again], [one[0] for one in first])
        lines.append(f"| {name} | {n:,} | {' | '.join(cells)} | {shares} |")
        print(lines[-1], flush=True)
    whole, part = raw["small files"], raw["half of them"]
    for name in ("first", "again"):
        more = [
            1024**2 * (a[1] - b[1]) / (whole["n"] - part["n"])
            for a, b in zip(whole[name], part[name], strict=True)
        ]
        lines += ["", f"Bytes that a file more takes, at the peak of opening {name}: {spread(more, 0)}."]
    write("index", lines, raw)


def small_files(folder: Path, n: int) -> Path:
    """A folder of so many different JPEGs; made once."""
    from PIL import Image

    if (folder / "done").exists() and int((folder / "done").read_text()) == n:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(buffer, "JPEG")
    start, end = buffer.getvalue()[:2], buffer.getvalue()[2:]
    for number in range(n):
        place = folder / f"class{number % 1000:03}"
        if number < 1000:
            place.mkdir(parents=True)
        comment = b"\xff\xfe\x00\x0a" + number.to_bytes(8, "big")  # told apart by a comment
        (place / f"{number:08}.jpg").write_bytes(start + comment + end)
    (folder / "done").write_text(str(n))
    return folder


def half(small: Path, folder: Path) -> Path:
    """Links to every second class of the small files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for number in range(0, 1000, 2):
        (folder / f"class{number:03}").symlink_to(small / f"class{number:03}")
    return folder


def photographs(folder: Path, photos: Path, at_least: int) -> Path:
    """The photographs again and again, by other names, until there are enough."""
    files = [path for path in sorted(photos.rglob("*")) if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
    shutil.rmtree(folder, ignore_errors=True)
    own: dict[Path, Path] = {}
    for copy in range(-(-at_least // len(files))):
        for file in files:
            place = folder / file.parent.name / f"{copy:04}-{file.name}"
            place.parent.mkdir(parents=True, exist_ok=True)
            if file in own:
                os.link(own[file], place)
            else:
                own[file] = shutil.copyfile(file, place)
    return folder


def openings(folder: Path, n: int) -> tuple[list[list[float]], list[list[float]], int]:
    """Seconds and MB of first openings, and of second ones, in pairs; how many samples there are."""
    first, again = [], []
    for _ in range(n):
        with tempfile.TemporaryDirectory() as cache:
            one, two = (_opened(folder, cache) for _ in range(2))
        assert one[3:] == two[3:], "the same dataset"
        assert (one[2], two[2]) == (one[3], 0), "all is looked at, and then nothing"
        first.append(one[:2])
        again.append(two[:2])
    return first, again, one[3]


def _opened(folder: Path, cache: str) -> list:
    own = {**os.environ, "CURATE_CACHE": cache}
    done = subprocess.run(
        [sys.executable, "-c", _OPEN, str(folder)], env=own, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


if __name__ == "__main__":
    began = time.monotonic()
    main()
    print(f"{time.monotonic() - began:.0f} s in all")

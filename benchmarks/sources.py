"""Real photographs of mixed sizes as a folder, as tar shards and as Parquet: the same through every command.

    python benchmarks/sources.py --photos PHOTOS

PHOTOS has folders train and val of class folders. Tar shards are as WebDataset has them (key.jpg, key.cls),
Parquet with the images in a column. Every command is a process of its own; the page says what each took, and
that the fingerprint, the samples that are selected, and the losses of training are the same.
"""

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from common import write

import curate
from curate.data.identity import fingerprint

_SHARDS = 4


def main() -> None:
    """Make the three, run the commands on each, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        sources = {
            "folder": asked.photos.resolve(),
            "tar": as_tar(asked.photos, work / "tar"),
            "Parquet": as_parquet(asked.photos, work / "parquet"),
        }
        done = {name: through(source, work / f"{name} work") for name, source in sources.items()}
    took, facts = ([one[place] for one in done.values()] for place in range(2))
    lines = [
        "    python benchmarks/sources.py --photos PHOTOS",
        "",
        f"{len(files_of(asked.photos))} photographs, train and val. Seconds, one run of each command.",
        "",
        f"| command | {' | '.join(sources)} |",
        f"|---|{'---|' * len(sources)}",
        *(f"| {name} | {' | '.join(f'{one[name]:.1f}' for one in took)} |" for name in took[0]),
        "",
        f"| | {' | '.join(sources)} |",
        f"|---|{'---|' * len(sources)}",
        *(f"| {name} | {' | '.join(one[name] for one in facts)} |" for name in facts[0]),
    ]
    write("sources", lines)
    if any(len({one[name] for one in facts}) > 1 for name in facts[0]):
        raise SystemExit("the three are not the same")


def files_of(photos: Path) -> list[Path]:
    """All photographs, in order of their paths."""
    return sorted(path for path in photos.rglob("*.*") if path.is_file())


def as_tar(photos: Path, folder: Path) -> Path:
    """Shards of each split, with the class beside each image."""
    folder.mkdir()
    for split in ("train", "val"):
        files = files_of(photos / split)
        size = -(-len(files) // _SHARDS)
        for number in range(_SHARDS):
            with tarfile.open(folder / f"{split}-{number:05}.tar", "w") as shard:
                for file in files[number * size : (number + 1) * size]:
                    key = f"{file.parent.name}/{file.stem.replace('.', '_')}"
                    shard.add(file, f"{key}{file.suffix}")
                    about = tarfile.TarInfo(f"{key}.cls")
                    about.size = len(file.parent.name)
                    shard.addfile(about, io.BytesIO(file.parent.name.encode()))
    return folder


def as_parquet(photos: Path, folder: Path) -> Path:
    """A file of each split, with the images as they are and their classes as words."""
    folder.mkdir()
    for split in ("train", "val"):
        files = files_of(photos / split)
        images = [{"bytes": file.read_bytes(), "path": file.name} for file in files]
        table = pa.table({"image": images, "label": [file.parent.name for file in files]})
        pq.write_table(table, folder / f"{split}-00000-of-00001.parquet", row_group_size=30)
    return folder


def through(source: Path, work: Path) -> tuple[dict[str, float], dict[str, str]]:
    """All commands on one source: the seconds of each, and what has to be the same for every source."""
    work.mkdir()
    took: dict[str, float] = {}

    def run(called: str, *words: object) -> None:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "curate", *map(str, words)],
            cwd=work,
            env={**os.environ, "CURATE_CACHE": str(work / "cache")},
            capture_output=True,
            text=True,
            check=False,
        )
        took[called] = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(f"{called}: {done.stderr}")

    run("index", "index", source)
    run("index, again", "index", source)
    small = ["--image-size", 64]
    run("embed, in shards", "embed", source, *small, "--dim", 32, "--shard-size", 50, "-o", "vectors")
    run("cluster", "cluster", "vectors", "-k", 8, "-o", "clusters.parquet")
    run("score duplicate", "score", "vectors", "--method", "duplicate", "-o", "duplicates.parquet")
    run("select", "select", "clusters.parquet", "--keep", 0.5, "-o", "half")
    run("pack", "pack", source, "--image-size", 96, "-o", "pack.safetensors")
    how = ["--model", "resnet10", "--epochs", 2]
    run("train on parts", "train", source, *small, *how, "--augment", "resized-crop", "-o", "run")
    from_pack = ["--data", "pack.safetensors", "--test", source, *small]
    run("replay, from the pack", "replay", "half", *from_pack, *how, "--trials", 1, "-o", "results.parquet")
    vectors, half = curate.open_embedding(work / "vectors"), curate.open_manifest(work / "half")
    chosen = half.samples["uid"][half.selected(0).indices]
    trained = pq.read_table(work / "run" / "metrics.parquet").column("test_loss")
    replayed = pq.read_table(work / "results.parquet")
    return took, {
        "fingerprint": vectors.header.dataset.fingerprint[:16],
        "fingerprint of what is selected": fingerprint(chosen, None)[:16],
        "test loss, trained on parts": f"{trained[-1].as_py():.10f}",
        "test loss of the replay": f"{replayed.column('test_loss')[0].as_py():.10f}",
    }


if __name__ == "__main__":
    main()

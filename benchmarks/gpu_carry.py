"""What a GPU machine without a network needs beside this checkout, fetched and packed into .carry.

    python benchmarks/gpu_carry.py --data DATA/cifar10

The machine has torch, torchvision, numpy, scipy, scikit-learn, pyarrow, pillow, click, rich, safetensors,
huggingface-hub, pytest and hypothesis. What it lacks comes as wheels for its Python, packed again:
    site.tar.xz     polars and pydantic, which all stages need
    faiss.tar.xz    faiss-cpu, which only `tests` and `kmeans` need
    cifar10.tar     the data as they are: two Parquet files
"""

import argparse
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

CARRY = Path(__file__).parents[1] / ".carry"
WHEELS = {
    "site": [
        "polars",
        "polars-runtime-32",
        "pydantic",
        "pydantic-core",
        "annotated-types",
        "typing-inspection",
    ],
    "faiss": ["faiss-cpu"],
}
PLATFORMS = [f"manylinux{tag}_x86_64" for tag in ("2014", "_2_17", "_2_27", "_2_28")]
LIMIT = 20 * 2**20  # of the data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="a folder with the Parquet files of CIFAR-10"
    )
    parser.add_argument("--python", default="3.12", help="of the machine")
    arguments = parser.parse_args()
    CARRY.mkdir(exist_ok=True)
    for name, distributions in WHEELS.items():
        with tempfile.TemporaryDirectory() as folder:
            words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
            words += ["--only-binary=:all:", "--implementation=cp", f"--python-version={arguments.python}"]
            words += [f"--platform={platform}" for platform in PLATFORMS]
            subprocess.run([*words, f"--target={folder}", *distributions], check=True)
            with tarfile.open(CARRY / f"{name}.tar.xz", "w:xz", preset=9) as archive:
                archive.add(folder, "site")
    with tarfile.open(CARRY / "cifar10.tar", "w") as archive:
        for file in sorted(arguments.data.glob("*.parquet")):
            archive.add(file, f"cifar10/{file.name}")
    sizes = {path.name: path.stat().st_size for path in sorted(CARRY.glob("*.tar*"))}
    for name, size in sizes.items():
        print(f"{name:15} {size / 2**20:5.1f} MiB")
    if sizes["cifar10.tar"] > LIMIT:
        sys.exit(
            f"the data are larger than {LIMIT / 2**20:.0f} MiB: they are thought to travel as one small file"
        )


if __name__ == "__main__":
    main()

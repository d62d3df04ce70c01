"""PCA of photographs against scikit-learn: seconds and the variance that 50 components explain.

    python benchmarks/pca.py --data PHOTOS

The images are 9,469 squares of 64 pixels, cut at random from the photographs in a folder. scikit-learn is
given the pixels as one float32 array, made before. `IncrementalPCA` is what curate used here before; the
randomized solver is the rival.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import alternate, ratio, spread, write
from PIL import Image
from sklearn.decomposition import PCA, IncrementalPCA

import curate
from curate.vectors.embedder import Work
from curate.vectors.embedders.pca import Pca

N, SIZE, DIM = 9_469, 64, 50
OURS = "curate"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="A folder with photographs in it, however deep.")
    parser.add_argument("-n", type=int, default=3)
    arguments = parser.parse_args()
    images = crops(Path(arguments.data))
    dataset = curate.Dataset.from_arrays(images, name="crops")
    pixels = images.reshape(N, -1).astype(np.float32) / 255

    def ours() -> float:
        made = Pca()(dataset, DIM, Work())
        for _ in made.chunks:
            pass
        return sum(made.summary["explained_variance_ratio"])

    def theirs(model: Callable[[], PCA]) -> float:
        fitted = model().fit(pixels)
        fitted.transform(pixels)
        return float(fitted.explained_variance_ratio_.sum())

    ways = {
        OURS: ours,
        "scikit-learn, randomized": lambda: theirs(lambda: PCA(DIM, svd_solver="randomized", random_state=0)),
        "scikit-learn, incremental": lambda: theirs(lambda: IncrementalPCA(DIM, batch_size=4096)),
    }
    seconds, explained = alternate(ways, arguments.n)
    lines = [
        f"# PCA of photographs: {N:,} squares of {SIZE} pixels in colour, {DIM} components",
        "",
        "| way | seconds | seconds / curate | variance explained |",
        "|---|---|---|---|",
        *(
            f"| {name} | {spread(each, 1)} | {ratio(each, seconds[OURS])} | {explained[name][0]:.2%} |"
            for name, each in seconds.items()
        ),
        "",
        "Fitting and projecting; the pixels are in memory. `python benchmarks/pca.py --data PHOTOS`",
    ]
    write("pca", lines, {"seconds": seconds, "explained": explained})


def crops(folder: Path) -> np.ndarray:
    """Squares cut at random from the photographs of a folder, uint8 `[N, 64, 64, 3]`."""
    files = sorted(path for path in folder.rglob("*.jpg"))
    photographs = [np.asarray(Image.open(path).convert("RGB")) for path in files]
    chance = np.random.default_rng(0)
    cut = np.empty((N, SIZE, SIZE, 3), np.uint8)
    for number in range(N):
        photograph = photographs[chance.integers(len(photographs))]
        top, left = (chance.integers(side - SIZE + 1) for side in photograph.shape[:2])
        cut[number] = photograph[top : top + SIZE, left : left + SIZE]
    return cut


if __name__ == "__main__":
    main()

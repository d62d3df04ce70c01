"""Whether this tree writes the same bytes as an earlier commit: weights, tables, manifests, what is printed.

    python tests/same_bytes.py REVISION

Both trees run the same commands on digits, each in an empty folder, with clocks that stand still, so that
seconds do not differ. Every file they leave and every word on their stdout must be the same; what is not is
listed, and the exit code is 1. Nothing here depends on the machine: the two sides are its only measure.
"""

import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent

COMMANDS = """
embed digits -o pca.safetensors
embed digits --dim 8 --set whiten=true -o white.safetensors
embed digits --method autoencoder --dim 6 --set n_steps=20 -o code.safetensors
cluster pca.safetensors -k 12 -o k12.parquet
cluster pca.safetensors -k 9 --spherical --relocate 2 --init kmeans++ --seed 3 -o k9.parquet
cluster pca.safetensors -k 12 --strategy hybrid --keep 0.2 -o both
select k12.parquet --strategy furthest --keep 0.3 -o furthest
select k12.parquet --strategy closest --keep 100 --class-floor 0.9 -o closest
select k12.parquet --strategy hybrid --keep 0.5 -o hybrid
select k12.parquet --strategy hybrid --keep 0.3 --set closest_share=0.25 -o hybrid-quarter
select k9.parquet --strategy random --keep 0.3 --set within=cluster --seed 5 -o random
select k12.parquet --strategy top --keep 0.25 -o top
select k12.parquet --strategy moderate --keep 0.25 -o moderate
select k12.parquet --regime auto --keep 0.6 -o auto
score digits --method aum,forgetting,margin,mean-loss --epochs 4 --trace trace.parquet -o scores.parquet
score --trace trace.parquet --method el2n --epochs 2 -o from-trace.parquet
score digits --method el2n,entropy --models 3 --epochs 2 -o el2n.parquet
score digits --method grand --models 2 --epochs 1 --side-by-side --set layers=last -o grand.parquet
score digits --method aum --models 2 --epochs 2 --side-by-side -o stacked.parquet
score k12.parquet --method prototypicality -o far.parquet
score pca.safetensors --method duplicate -o duplicate.parquet
score pca.safetensors --method duplicate --set rule=pairs --set max_cosine_distance=0.2 -o pairs.parquet
score pca.safetensors --method class-distance -o class-distance.parquet
score pca.safetensors --method prototypicality -o spherical.parquet
select scores.parquet --strategy stratified --keep 0.3 --set column=aum --set cut=0.1 -o stratified
select scores.parquet --strategy window --keep 0.3 -o window
select class-distance.parquet --strategy moderate --keep 0.3 -o by-class
select class-distance.parquet --strategy moderate --set window=all --keep 0.3 -o by-all
select scores.parquet --regime auto --keep 0.5 -o scores-auto
select el2n.parquet --strategy bottom --keep 0.4 -o bottom
train digits --epochs 3 -o full
train digits --model lenet5 --policy random --keep 0.3 --epochs 4 --channels 3 --augment crop-flip -o lenet5
train digits --policy ucb --keep .3 --epochs 10 --period 1 --optimizer sgd --lr .1 --schedule multistep -o ucb
train digits --policy ema --keep 0.2:0.5 --observe training --trust 0.9 --trace --epochs 6 -o ema
train digits --policy epsilon-greedy --keep 0.3 --adapt 0.9 --trust 0.9 --epochs 6 --augment flip -o greedy
train digits --policy uncertainty --keep 0.3 --epochs 3 --schedule onecycle --augment crop -o uncertainty
train digits --policy infobatch --epochs 8 -o infobatch
train digits --policy early-stop --keep 0.4 --epochs 4 --schedule constant -o early
train digits --policy random-partition --keep 0.4 --epochs 4 --stream -o partition
train digits --policy static-epsilon --from k12.parquet --keep 0.3 --epochs 3 -o static-epsilon
train digits --policy static-ucb --from scores.parquet --set column=aum --keep 0.3 --epochs 3 -o static-ucb
train digits --policy always-random --from ucb --keep 0.4 --epochs 3 -o always
train digits --policy recorded --from ucb --set freeze=last --epochs 2 -o recorded
train digits+noise=0.1+per-class=100 --policy random --keep 0.5 --budget samples --epochs 2 -o noisy
embed digits --method features --set weights=full -o features.safetensors
replay furthest --against full,random --epochs 2 --trials 2 --json
replay ucb --trials 1 --json
replay ucb --freeze last --against random --trials 1 --json
replay stratified --epochs 1 --trials 1 --json
inspect digits --json
inspect pca.safetensors --json
inspect k12.parquet --json
inspect trace.parquet --json
inspect scores.parquet --json
inspect ucb --by class --json
inspect ucb greedy --json
inspect full/model.safetensors --json
inspect scores.parquet --sheet sheet.png --column forgetting
inspect both --sheet clusters.png
compare k12.parquet scores.parquet furthest ucb --by class --json
compare scores.parquet --json
compare furthest closest --union -o union
compare ucb greedy furthest --intersect -o intersect
export furthest --to npy -o e.npy
export furthest --to txt -o e.txt
export infobatch --epoch 2 --to csv -o e.csv
export furthest --to datacomp -o e-datacomp.npy
export ucb --epoch -1 --to webdataset -o e.keys
push furthest ann/subsets --dry-run --json
"""


def main() -> None:
    revision = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        earlier = Path(folder) / "tree"
        packed = subprocess.run(
            ["git", "archive", revision, "curate", "manifests"], cwd=ROOT, capture_output=True, check=True
        )
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(earlier, filter="data")
        before, now = (digests(tree, Path(folder) / name) for tree, name in ((earlier, "a"), (ROOT, "b")))
    different = differences(before, now)
    for line in different:
        print(line)
    print(f"{len(before):,} files and outputs of {revision}, {len(different):,} differ from this tree")
    sys.exit(bool(different))


def differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """A line for each name whose digest is not the same on both sides."""
    return [
        f"{name}: {before.get(name, 'not there')[:12]} before, {now.get(name, 'not there')[:12]} now"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]


def digests(tree: Path, folder: Path, commands: str = COMMANDS) -> dict[str, str]:
    """sha256 by name of all that the commands write and print, run with the code of a tree."""
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "2", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, __file__, "--run", str(tree)],
        cwd=folder,
        env=environment,
        input=commands,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{tree}: {done.stderr}")
    outcome = json.loads(done.stdout)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert not [path for path in files if ".unfinished" in str(path)], "every run ended"
    return outcome | {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def run(tree: str) -> None:
    """Run the commands on stdin in this folder; prints the digest of what each of them says on stdout."""
    import time

    time.perf_counter = lambda: 0.0
    import curate
    from curate.cli.main import main as command_line

    assert Path(curate.__file__).is_relative_to(tree), f"{curate.__file__} is not of {tree}"
    outcome = {}
    for line in filter(None, sys.stdin.read().splitlines()):
        sys.argv = ["curate", *line.split()]
        result, talk = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(result), contextlib.redirect_stderr(talk):
            try:
                command_line()
            except SystemExit as done:
                if done.code:
                    sys.exit(f"{line}: {talk.getvalue()}")
        outcome[line] = hashlib.sha256(result.getvalue().encode()).hexdigest()
    print(json.dumps(outcome))


if __name__ == "__main__":
    if sys.argv[1] == "--run":
        run(sys.argv[2])
    else:
        main()

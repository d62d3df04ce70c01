"""Everything that needs a GPU, in one command: tests marked `gpu`, then CIFAR-10 training timed.

    python benchmarks/gpu.py --data DATA/cifar10
    python benchmarks/gpu.py --data DATA/cifar10 --policies

Writes results/gpu.md with the GPU's name and scoring_speed_gpu.md; with --policies, also overhead_gpu.md and
policies_gpu.md (ResNet-18, 200 epochs, period 10, keep 0.2, 0.3 and 0.5, two seeds), which goes on where it
was stopped. Needs torch with CUDA; the k-means test also needs faiss-gpu.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from common import spread, write


def main() -> None:
    import torch

    import curate

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="CIFAR-10: any dataset reference")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--policies", action="store_true", help="also the long table of policies")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("torch sees no GPU: run this where there is one")
    root = Path(__file__).parent.parent
    tests = subprocess.run([sys.executable, "-m", "pytest", "-m", "gpu", "-rA"], cwd=root, check=False)
    train, test = (curate.open_dataset(arguments.data, curate.Options(split=s)) for s in ("train", "test"))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        table = curate.cluster(
            curate.embed(train, output=work / "e.safetensors"), 100, output=work / "c.parquet"
        )
        manifest = curate.select(table, "furthest", keep=0.5, output=work / "m")
        result = curate.replay(
            manifest,
            train,
            test=test,
            model="resnet18",
            trials=2,
            against=["full", "random"],
            hyperparameters={"n_epochs": arguments.epochs},
        )
    lines = [
        f"# GPU: {result.device}",
        "",
        f"Tests marked gpu: {'passed' if tests.returncode == 0 else f'exit code {tests.returncode}'}.",
        "",
        f"CIFAR-10, ResNet-18, {arguments.epochs} epochs, furthest half, bfloat16, channels last:",
        "",
        "| | test accuracy, % | seconds training | samples a second |",
        "|---|---|---|---|",
    ]
    for run in result.runs:
        accuracy = spread([100 * trial.accuracy for trial in run.trials])
        seconds = [trial.train_seconds for trial in run.trials]
        speed = spread([trial.samples_seen / trial.train_seconds for trial in run.trials], 0)
        lines.append(f"| {run.name} | {accuracy} | {spread(seconds)} | {speed} |")
    write("gpu", [*lines, "", "`python benchmarks/gpu.py --data CIFAR10`"], result.as_dict())
    here = Path(__file__).parent
    shared = ["--data", arguments.data, "--model", "resnet18"]
    scoring = ["scoring_speed.py", *shared, "--name", "scoring_speed_gpu"]
    subprocess.run([sys.executable, here / scoring[0], *scoring[1:]], cwd=root, check=True)
    if arguments.policies:
        overhead = ["overhead.py", *shared, "--name", "overhead_gpu"]
        table = ["policies.py", *shared, "--name", "policies_gpu", "--epochs", "200", "--period", "10"]
        table += ["--keeps", "0.2", "0.3", "0.5", "--trials", "2", "--jobs", "1", "--threads", "0"]
        for script, *words in (overhead, table):
            subprocess.run([sys.executable, here / script, *words], cwd=root, check=True)


if __name__ == "__main__":
    main()

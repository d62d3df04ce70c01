"""Two network namespaces as two machines, and the network between them, which may die."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from curate.vectors.opening import open_embedding

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("ip") and os.geteuid() == 0), reason="network namespaces need root"),
]
HERE, THERE = "curate-here", "curate-there"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def machines():
    """Two of them, 10.9.9.1 and 10.9.9.2, joined by a cable whose ends are called `here` and `there`."""
    try:
        for name in (HERE, THERE):
            ip("netns", "add", name)
    except subprocess.CalledProcessError:
        pytest.skip("no network namespaces here")
    try:
        ip("link", "add", "here", "netns", HERE, "type", "veth", "peer", "name", "there", "netns", THERE)
        for number, (name, end) in enumerate(((HERE, "here"), (THERE, "there")), 1):
            ip("-n", name, "addr", "add", f"10.9.9.{number}/24", "dev", end)
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", end, "up")
        yield
    finally:
        for name in (HERE, THERE):
            ip("netns", "del", name)


def start(folder, *words):
    """Torchrun with a rank on each machine, as a user starts it on both."""
    port = str(20_000 + os.getpid() % 20_000)
    running = []
    for number, (name, end) in enumerate(((HERE, "here"), (THERE, "there"))):
        run = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
        run += ["--node-rank", str(number), "--master-addr", "10.9.9.1", "--master-port", port]
        with (folder / f"{number}.err").open("w") as said:
            running.append(
                subprocess.Popen(
                    ["ip", "netns", "exec", name, *run, "-m", "curate", *words],
                    cwd=folder,
                    env={**os.environ, "GLOO_SOCKET_IFNAME": end, "OMP_NUM_THREADS": "1"},
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                )
            )
    return running


def test_two_machines_do_a_command_and_part_when_the_network_dies(machines, tmp_path):
    embed = start(tmp_path, "embed", "digits", "--dim", "4", "-o", "e.safetensors")
    assert [one.wait(120) for one in embed] == [0, 0], (tmp_path / "0.err").read_text()
    assert open_embedding(tmp_path / "e.safetensors").header.world_size == 2
    train = start(tmp_path, "train", "digits", "--epochs", "100000", "--set", "width=2", "-o", "run")
    until = time.monotonic() + 90
    while not (tmp_path / "run.unfinished" / "run.json").exists():
        assert time.monotonic() < until, (tmp_path / "0.err").read_text()
        time.sleep(0.2)
    ip("-n", HERE, "link", "set", "here", "down")
    began = time.monotonic()
    assert [one.wait(75) != 0 for one in train] == [True, True]
    assert time.monotonic() - began < 75  # a minute, and what torchrun takes to end
    for number, words in enumerate(("nothing was heard of rank 1", "the first rank could not be reached")):
        lines = [line for line in (tmp_path / f"{number}.err").read_text().splitlines() if "error: " in line]
        assert len([line for line in lines if words in line]) == 1, lines

"""Weights to start from: what is taken from a file, what is left as drawn, and what is refused."""

import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from curate.errors import CurateError
from curate.networks.weights import Weights, open_weights, sha256_of


def network(n_classes=3, width=4):
    return nn.Sequential(
        nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.Flatten(), nn.Linear(width, n_classes)
    )


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
def test_a_network_gets_the_weights_of_a_file(ending, tmp_path):
    given = network().state_dict()
    path = tmp_path / f"w{ending}"
    save_file(given, path) if ending == ".safetensors" else torch.save({"state_dict": given}, path)
    started = network()
    weights = open_weights(path)
    weights.put_into(started, "a network")
    assert all(torch.equal(value, given[name]) for name, value in started.state_dict().items())
    assert weights.in_words(started) == f"starts from {path}"
    assert weights.digest == sha256_of(started.state_dict())
    assert weights.header() == {"weights": path.name, "digest": weights.digest}


def test_a_layer_for_other_classes_stays_as_drawn_and_it_is_said(tmp_path):
    given, started = network(10).state_dict(), network(3)
    drawn = {name: value.clone() for name, value in started.state_dict().items()}
    weights = Weights(tmp_path / "w.pth", given)
    weights.put_into(started, "a network")
    for name, value in started.state_dict().items():
        assert torch.equal(value, drawn[name] if name.startswith("3.") else given[name])
    assert "but for 3.weight, 3.bias: the number of classes is another" in weights.in_words(started)


def test_equal_bits_have_one_digest_and_others_another():
    one = {"a": torch.ones(2, 3, dtype=torch.bfloat16), "b": torch.tensor(3), "c": torch.ones(0)}
    assert sha256_of(one) == sha256_of(dict(reversed(one.items())))
    assert sha256_of(one) != sha256_of({**one, "b": torch.tensor(4)})
    assert sha256_of(one) != sha256_of({"d" if name == "a" else name: value for name, value in one.items()})


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ({"0.weight": torch.ones(4, 1, 3, 3)}, r"it has no 0.bias \(8 tensors are missing, 0 are too many\)"),
        ({**network().state_dict(), "more": torch.ones(1)}, r"a network has no more \(0 tensors"),
        (
            {**network().state_dict(), "3.weight": torch.ones(3, 9)},
            r"3.weight is \[3, 9\], and here \[3, 4\]",
        ),
        (
            {name: torch.ones(9) for name in ("weight", "bias")},
            "fits no layer of a network: it is of another network",
        ),
    ],
)
def test_weights_of_another_network_are_refused(tensors, reason, tmp_path):
    taking = nn.BatchNorm1d(4, track_running_stats=False) if "weight" in tensors else network()
    with pytest.raises(CurateError, match=reason):
        Weights(tmp_path / "w.pth", tensors).put_into(taking, "a network")


class Sneaky:
    """Unpickled, it would make a file."""

    def __reduce__(self):
        return (open, ("was-run", "w"))


def test_a_file_that_holds_no_weights_is_refused_and_code_in_it_is_not_run(here):
    (here / "code.pth").write_bytes(pickle.dumps(Sneaky(), 2))
    torch.save({"epoch": 3}, here / "numbers.pth")
    torch.save([torch.ones(2)], here / "list.pth")
    (here / "noise.safetensors").write_bytes(b"\0" * 5)
    for name in ("code.pth", "numbers.pth", "list.pth", "noise.safetensors"):
        with pytest.raises(CurateError, match=f"{name} is not a file of weights"):
            open_weights(here / name)
    assert not (here / "was-run").exists()
    with pytest.raises(CurateError, match="there are no weights at nowhere"):
        open_weights("nowhere")

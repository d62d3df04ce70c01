"""Networks from anywhere are models: of a file, handed in, of torchvision and timm."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import curate
from curate import finder
from curate.errors import CurateError
from curate.networks.model import Hyperparameters

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, n_classes, n_channels, hidden: int = 8, drop=0.0):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.LazyLinear(hidden), nn.ReLU(), nn.Dropout(drop))
        self.head = nn.Linear(hidden, n_classes)

    def forward(self, images):
        return self.head(self.body(images))

def ten():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))

def wrong():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))

def no_network(n_classes):
    return [n_classes]

def wants(size, depth):
    return ten()

def tuple_of(n_classes):
    class Two(nn.Module):
        def forward(self, images):
            return images, images
    return Two()

number = 3
"""


@pytest.fixture
def net(here):
    Path("own").mkdir()
    Path("own/net.py").write_text(NET)
    return "own/net.py:Net"


@pytest.fixture(scope="module")
def few():
    return curate.open_dataset("digits").take(np.arange(120))


def trained(few, model, **more):
    how = {"test": few, "hyperparameters": {"n_epochs": 2, "optimizer": "adam", "lr": 0.01}, **more}
    return curate.train(few, model, **how)


def test_a_class_in_a_file_is_trained_with_its_options_and_replayed_where_it_is_named(net, few):
    made = trained(few, net, options={"hidden": "12"}, output="run")
    options = made.manifest.header.options
    assert options["model"] == "net.py:Net"
    assert options["model_options"] == {"hidden": 12, "drop": 0.0}
    assert options["outside"]["models"]["file"] == "net.py"
    with pytest.raises(
        CurateError, match=r"run was trained with 'net.py:Net', which is not of curate, and a name"
    ):
        curate.replay("run", few, trials=1, test=few)
    again = curate.replay("run", few, model=net, trials=1, test=few, output="r.parquet")
    assert again.model == "net.py:Net"
    assert again.runs[0].trials[0].accuracy == made.epochs[-1].test_accuracy


def test_its_weights_are_used_where_it_is_named(net, few):
    trained(few, net, output="run")
    with pytest.raises(
        CurateError, match=r"holds net.py:Net, which is not of curate, and a name in a file is not"
    ):
        curate.embed(few, method="features", options={"weights": "run"})
    with pytest.raises(CurateError, match=r"holds net.py:Net, not net.py:ten: leave out"):
        curate.embed(few, method="features", options={"weights": "run", "model": "own/net.py:ten"})
    vectors = curate.embed(few, method="features", options={"weights": "run", "model": net})
    assert vectors.dim == 8


class Small(nn.Module):
    """A network of this file, handed in."""

    hyperparameters = Hyperparameters(n_epochs=1, optimizer="adam", lr=0.01)

    def __init__(self, n_classes):
        super().__init__()
        self.head = nn.Linear(64, n_classes)

    def forward(self, images):
        return self.head(images.flatten(1))


def test_a_class_or_a_function_is_handed_in(few, here):
    made = curate.train(few, Small, test=few, output="handed")
    assert made.manifest.header.options["model"].endswith(":Small")
    assert made.manifest.header.options["recipe"]["n_epochs"] == 1  # the hyperparameters of the class
    made = trained(few, lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), output="function")
    assert made.epochs[-1].test_accuracy > 0.1
    scores = curate.score(few, "aum", model=Small, output="aum.parquet")
    assert not np.isnan(scores["aum"]).any()


def test_a_module_is_copied_for_every_run_and_stays_as_it_is(few, here):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    made = trained(few, module, output="one")
    trained(few, module, output="again", seed=0)
    assert made.manifest.header.options["model"] == "torch.nn.modules.container:Sequential"
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    one, other = (Path(name, "model.safetensors").read_bytes() for name in ("one", "again"))
    assert one == other
    followed = curate.replay(made.manifest, few, model=module, test=few, trials=1)
    assert followed.differs_in == []
    with torch.no_grad():
        module[1].bias += 1
    with pytest.raises(CurateError, match="has other weights than that run began with"):
        curate.replay(made.manifest, few, model=module, test=few, trials=1, output="o.parquet")
    with pytest.raises(CurateError, match="does not know its sizes yet: call it on images once"):
        trained(few, nn.Sequential(nn.Flatten(), nn.LazyLinear(10)), output="lazy")


def test_the_same_seed_gives_the_same_weights(net, few):
    one, other = (trained(few, net, output=name).manifest.path for name in ("one", "other"))
    assert (one / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    different = trained(few, net, seed=1, output="different").manifest.path
    assert (one / "model.safetensors").read_bytes() != (different / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "wrong",
            r"net.py:wrong gives shape \[2, 3\] for 2 images of 10 classes: it has to give logits \[2, 10\]",
        ),
        ("no_network", "net.py:no_network makes no network but a list: return an nn.Module"),
        ("wants", "net.py:wants wants size, depth, which nobody gives: give it a default"),
        ("tuple_of", "net.py:tuple_of gives a tuple for 2 images"),
        ("number", "net.py:number is of type int: name an nn.Module, a class of one, or a function"),
        ("Nets", "own/net.py has no 'Nets': it has"),
    ],
)
def test_what_does_not_fit_is_said_before_any_work(net, few, name, said):
    with pytest.raises(CurateError, match=said):
        trained(few, f"own/net.py:{name}")
    assert not list(Path().glob("*unfinished"))


def test_images_that_a_network_does_not_take_are_said(net):
    bigger = curate.open_dataset("digits", curate.Options(image_size=12)).take(np.arange(60))
    with pytest.raises(
        CurateError, match=r"net.py:ten does not take images of 12 x 12 pixels and 1 channels"
    ):
        trained(bigger, "own/net.py:ten")
    with pytest.raises(
        CurateError,
        match=r"neither model own/net.py:Net nor policy full has an option 'hiden': did you mean hidden",
    ):
        trained(bigger, net, options={"hiden": 3})
    with pytest.raises(CurateError, match="hidden=many does not fit model"):
        trained(bigger, net, options={"hidden": "many"})


def test_models_of_torchvision_take_any_number_of_channels_and_classes():
    for channels in (1, 3):
        module = finder.make("models", "torchvision:resnet18").build(channels, 7)
        assert module(torch.zeros(2, channels, 32, 32)).shape == (2, 7)
        assert module.conv1.kernel_size == (7, 7)
    with pytest.raises(CurateError, match="torchvision has no model 'resnet19': did you mean resnet"):
        finder.load("models", "torchvision:resnet19")


def test_models_of_timm_where_it_is_installed(monkeypatch):
    if importlib.util.find_spec("timm"):
        module = finder.make("models", "timm:test_resnet").build(1, 7)
        assert module(torch.zeros(2, 1, 32, 32)).shape == (2, 7)
        with pytest.raises(CurateError, match="timm has no model 'test_resnot': did you mean test_resnet"):
            finder.load("models", "timm:test_resnot")
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(CurateError, match="timm:test_resnet needs timm: pip install timm"):
        finder.load("models", "timm:test_resnet")


def test_networks_that_may_draw_are_trained_one_at_a_time(net, few):
    from curate.networks import learner as learners
    from curate.training.at_once import draws

    cpu = torch.device("cpu")
    assert draws(learners.build(net, {}, few, 0, cpu))
    assert not draws(learners.build("basic-cnn", {"width": 1}, few, 0, cpu))

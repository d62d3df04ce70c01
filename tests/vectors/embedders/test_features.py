"""features: what the last layer of a trained network sees, and what is said of wrong models and weights."""

import numpy as np
import pytest

import curate
from curate import finder
from curate.errors import CurateError
from curate.vectors.embedder import Work


def test_features_of_a_torchvision_model_from_a_local_file(tmp_path):
    import torch
    from torchvision.models import resnet18

    torch.manual_seed(0)
    network = resnet18(num_classes=5).eval()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    data = curate.open_dataset("digits").take(np.arange(6))
    options = {"weights": str(tmp_path / "weights.pth"), "input_size": "32"}
    made = finder.make("embedders", "features", options)(data, None, Work())
    ours = np.concatenate(list(made.chunks(0, 6)))
    images = torch.from_numpy(data.images.read(np.arange(6))).permute(0, 3, 1, 2).float() / 255
    images = torch.nn.functional.interpolate(images, (32, 32), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    network.fc = torch.nn.Identity()
    with torch.inference_mode():
        expected = network((images.repeat(1, 3, 1, 1) - mean) / std).numpy()
    assert ours.shape == (6, 512)
    np.testing.assert_allclose(ours, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"model": "resnet19", "weights": __file__},
            "torchvision has no model 'resnet19': did you mean resnet",
        ),
        ({"weights": "nowhere"}, "there are no weights at nowhere"),
        ({"input_size": 0}, "input_size=0 is too small"),
    ],
)
def test_features_say_what_is_wrong_with_model_or_weights(options, message):
    data = curate.open_dataset("digits").take(np.arange(4))
    with pytest.raises(CurateError, match=message):
        finder.make("embedders", "features", options)(data, None, Work())

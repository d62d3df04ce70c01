"""The residual block of two 3x3 convolutions. Source: He et al. 2016."""

from torch import Tensor, nn


class BasicBlock(nn.Module):
    """Two convolutions beside a shortcut, which is a 1x1 convolution where sizes differ."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or n_in != n_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out)
            )
        self.after = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        """Images `[batch, n_in, h, w]` to `[batch, n_out, h / stride, w / stride]`."""
        result: Tensor = self.after(self.main(images) + self.shortcut(images))
        return result

"""From photographs to a published subset, with a network and a training loop of one's own.

python examples/photographs.py   # where photos/train and photos/val hold a folder for each class
"""

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import curate


class Net(nn.Module):
    def __init__(self, n_channels, n_classes):
        super().__init__()
        self.first, self.second = nn.Conv2d(n_channels, 16, 3, stride=2), nn.Conv2d(16, 32, 3, stride=2)
        self.head = nn.Linear(512, n_classes)

    def forward(self, images):
        seen = self.second(self.first(images).relu()).relu()
        return self.head(functional.adaptive_avg_pool2d(seen, 4).flatten(1))


photos = curate.open_dataset("photos", curate.Options(image_size=64, channels=3))
test = curate.open_dataset("photos", curate.Options(split="val", image_size=64, channels=3))
images = torch.from_numpy(photos.images.read(photos.present)).permute(0, 3, 1, 2).float() / 255 - 0.5
model = Net(3, len(photos.classes))
optimizer = torch.optim.Adam(model.parameters(), 1e-3)

pruner = curate.Pruner(photos, policy="ucb", keep=0.5, epochs=12, seed=0, trace=True)
dataset = TensorDataset(images, torch.from_numpy(photos.labels))
loader = DataLoader(pruner.wrap(dataset), batch_size=16, sampler=pruner.sampler)
for epoch in range(pruner.n_epochs):
    pruner.set_epoch(epoch)
    for index, x, y in loader:
        logits = model(x)
        losses = functional.cross_entropy(logits, y, reduction="none")
        loss = pruner.observe(index, losses, logits).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
pruner.save("photos-ucb")

scores = curate.score(trace="photos-ucb", method="aum", output="photos-aum.parquet")
manifest = curate.select(scores, keep=0.3, output="photos-30")
how = {"n_epochs": 5, "optimizer": "adam", "lr": 1e-3}
result = curate.replay(
    manifest, photos, test=test, model=Net, trials=3, against=["random"], hyperparameters=how
)
print(result.difference("random"))
print(curate.push(manifest, "me/photos-30", dry_run=True).sizes)

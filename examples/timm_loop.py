"""Dynamic pruning in a loop of timm's shape: its model, optimizer and scheduler; the sampler begins epochs.

python examples/timm_loop.py [FOLDER]
"""

import sys

import timm
import torch
from sklearn.datasets import load_digits
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import curate

images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
images = functional.interpolate(images.float().reshape(-1, 1, 8, 8) / 16, 32)
dataset = TensorDataset(images[:600], labels[:600])

model = timm.create_model("test_convnext", pretrained=False, num_classes=10, in_chans=1)
optimizer = create_optimizer_v2(model, opt="adamw", lr=2e-3)
scheduler, n_epochs = create_scheduler_v2(optimizer, sched="cosine", num_epochs=4, cooldown_epochs=0)
pruner = curate.Pruner(600, policy="infobatch", epochs=n_epochs, seed=0, labels=labels[:600])
loader = DataLoader(pruner.wrap(dataset), batch_size=64, sampler=pruner.sampler)
for epoch in range(n_epochs):
    loader.sampler.set_epoch(epoch)
    model.train()
    for index, x, y in loader:
        losses = functional.cross_entropy(model(x), y, reduction="none")
        optimizer.zero_grad()
        pruner.observe(index, losses).mean().backward()
        optimizer.step()
    scheduler.step(epoch + 1)
pruner.save(sys.argv[1] if len(sys.argv) > 1 else "digits-infobatch")

"""Dynamic pruning in a plain torch loop: the lines with `pruner` are all of it.

python examples/plain_torch.py [FOLDER]
"""

import sys

import torch
from sklearn.datasets import load_digits
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import curate

images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
dataset = TensorDataset(images.float() / 16, labels)
model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), 1e-3)

pruner = curate.Pruner(len(dataset), policy="ucb", keep=0.3, epochs=20, seed=0, labels=labels)
loader = DataLoader(pruner.wrap(dataset), batch_size=64, sampler=pruner.sampler)
for epoch in range(pruner.n_epochs):
    pruner.set_epoch(epoch)
    for index, x, y in loader:
        losses = functional.cross_entropy(model(x), y, reduction="none")
        loss = pruner.observe(index, losses).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
pruner.save(sys.argv[1] if len(sys.argv) > 1 else "digits-ucb")

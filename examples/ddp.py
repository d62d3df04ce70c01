"""Dynamic pruning under DDP: each process observes its share, and all select the same.

torchrun --nproc-per-node 2 examples/ddp.py [FOLDER]
"""

import sys

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset

import curate

dist.init_process_group("gloo")
images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
dataset = TensorDataset(images.float() / 16, labels)
torch.manual_seed(0)
model = DistributedDataParallel(torch.nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), 1e-2)

pruner = curate.Pruner(
    len(dataset), policy="ema", keep=0.3, epochs=10, seed=0, labels=labels, ranks=curate.ranks()
)
loader = DataLoader(pruner.wrap(dataset), batch_size=64, sampler=pruner.sampler)
for epoch in range(pruner.n_epochs):
    pruner.set_epoch(epoch)
    for index, x, y in loader:
        losses = functional.cross_entropy(model(x), y, reduction="none")
        optimizer.zero_grad()
        pruner.observe(index, losses).mean().backward()
        optimizer.step()
pruner.save(sys.argv[1] if len(sys.argv) > 1 else "digits-ema")
dist.destroy_process_group()

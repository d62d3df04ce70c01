"""Samples with their index, whatever a sample is; and a sampler that follows its Pruner."""

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

import curate
from curate.selection.sampling import Indexed


def test_the_index_stands_first_or_under_its_name():
    assert Indexed(["a", "b"])[1] == (1, "b")
    assert Indexed([("x", 3)])[0] == (0, "x", 3)
    assert Indexed([["x", 3]])[0] == (0, "x", 3)
    assert Indexed([{"text": "x"}])[0] == {"text": "x", "index": 0}
    assert len(Indexed(["a", "b"])) == 2


def test_a_loader_batches_it_and_datasets_that_read_many_at_once_still_do():
    class Many(Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            raise AssertionError("one at a time")

        def __getitems__(self, indices):
            return [(index * 2,) for index in indices]

    assert [batch[1].tolist() for batch in DataLoader(Indexed(Many()), batch_size=3)] == [
        [0, 2, 4],
        [6, 8, 10],
    ]
    plain = Indexed(TensorDataset(torch.arange(4) * 3))
    (batch,) = DataLoader(plain, batch_size=4)
    assert [part.tolist() for part in batch] == [[0, 1, 2, 3], [0, 3, 6, 9]]
    dictionaries = Indexed([{"x": 1.0}, {"x": 2.0}])
    (batch,) = DataLoader(dictionaries, batch_size=2)
    assert batch["index"].tolist() == [0, 1]


def test_rows_of_tensors_come_as_their_dataset_gives_them():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            x, y = super().__getitem__(index)
            return 2 * x, y

    tensors = torch.arange(12).view(6, 2), torch.tensor([5, 4, 3, 2, 1, 0])
    for dataset in (TensorDataset(*tensors), Doubled(*tensors)):
        rows = Indexed(dataset).__getitems__([4, 0, 5])
        assert [row[0] for row in rows] == [4, 0, 5]
        assert [row[2].item() for row in rows] == [1, 5, 0]
        assert [row[1].tolist() for row in rows] == [dataset[index][0].tolist() for index in (4, 0, 5)]


def test_a_sampler_follows_its_pruner():
    pruner = curate.Pruner(10, keep=0.5, epochs=3)
    sampler = pruner.sampler
    sampler.set_epoch(0)
    first = list(sampler)
    assert len(sampler) == 5
    assert sorted(first) == pruner.selected.tolist()
    pruner.observe(np.array(first[:2]), np.ones(2))
    assert list(sampler) == first[2:]
    assert len(sampler) == 3
    assert list(pruner.whole_sampler) == first
    sampler.set_epoch(1)
    assert pruner.epoch == 1
    assert len(sampler) == 5

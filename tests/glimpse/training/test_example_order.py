"""Tests of the training order: shuffled epochs as a function of seed and step."""

import pytest
import torch

from glimpse.training.example_order import BucketedOrder, TokenOrder, TrainingOrder
from tests.fake_device import fake_device

_CPU = torch.device("cpu")


def _episodes(examples: int, batch: int, seed: int, count: int) -> tuple[list[int], list[int]]:
    """Return the examples and the keys of a run's first `count` episodes."""
    order = TrainingOrder(examples, batch, seed, _CPU)
    steps = [order(step) for step in range(-(-count // batch))]
    assert all(len(part) == batch and part.dtype == torch.int64 for step in steps for part in step)
    shown, keys = (torch.cat(parts).tolist() for parts in zip(*steps, strict=True))
    return shown[:count], keys[:count]


@pytest.mark.parametrize("batch", [1, 3, 7, 10, 25])
def test_each_epoch_shows_each_example_once(batch: int) -> None:
    """Each epoch has each example once, for batches that divide an epoch, straddle two or hold several."""
    shown, _ = _episodes(10, batch, seed=4, count=50)
    epochs = [shown[start : start + 10] for start in range(0, 50, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == 5


@pytest.mark.parametrize("batch", [1, 4, 7, 64])
def test_an_episode_does_not_depend_on_the_batch(batch: int) -> None:
    """Episode n has the same example and key for every batch size."""
    assert _episodes(11, batch, seed=2, count=60) == _episodes(11, 5, seed=2, count=60)


def test_an_order_depends_on_seed_and_step_only() -> None:
    """The examples and keys of a step depend on nothing but seed and step."""
    order_in_use = TrainingOrder(10, 4, 9, _CPU)
    steps = [order_in_use(step) for step in range(12)]
    for step in (11, 3, 0, 7, 2):
        for order in (TrainingOrder(10, 4, 9, _CPU), order_in_use):
            assert all(torch.equal(one, other) for one, other in zip(order(step), steps[step], strict=True))


def test_every_episode_has_a_key_of_its_own() -> None:
    """No two episodes share a key, even of the same example, so each picture is drawn anew."""
    _, keys = _episodes(3, 5, seed=0, count=3000)
    assert len(set(keys)) == 3000


def test_another_seed_gives_another_order_and_other_keys() -> None:
    """Different seeds, also neighbouring ones, give different orders and different keys."""
    runs = [_episodes(100, 100, seed, count=100) for seed in (0, 1, 2**31 - 1)]
    assert len({tuple(shown) for shown, _ in runs}) == 3
    assert len({key for _, keys in runs for key in keys}) == 300


def test_an_order_is_shuffled() -> None:
    """An example's positions in successive epochs are uncorrelated."""
    shown, _ = _episodes(1000, 1000, seed=1, count=3000)
    epochs = torch.tensor([list(range(1000)), *(shown[at : at + 1000] for at in (0, 1000, 2000))])
    related = torch.corrcoef(epochs.argsort(dim=1).float()) - torch.eye(4)
    assert float(related.abs().max()) < 4 / 1000**0.5


@pytest.mark.parametrize("batch", [1, 3, 8, 10, 25])
def test_buckets_show_each_example_once_an_epoch(batch: int) -> None:
    """Buckets have each example once an epoch, in updates of one size, for every batch size."""
    lengths = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6, 5, 3])
    order = BucketedOrder(lengths, batch, 4, _CPU, pool=2)
    shown = [order(step)[0] for step in range(-(-50 // batch))]
    assert all(len(examples) == batch for examples in shown)
    episodes = torch.cat(shown).tolist()
    epochs = [episodes[start : start + 10] for start in range(0, 50, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) > 1


def test_buckets_depend_on_seed_and_step_only() -> None:
    """A step's examples depend on seed and step only; its keys are those of the order without buckets."""
    lengths = torch.arange(50) % 7
    order_in_use = BucketedOrder(lengths, 8, 9, _CPU, pool=3)
    steps = [order_in_use(step) for step in range(20)]
    for step in (19, 3, 0, 12):
        again = BucketedOrder(lengths, 8, 9, _CPU, pool=3)(step)
        assert torch.equal(again[0], steps[step][0])
        assert torch.equal(again[1], TrainingOrder(50, 8, 9, _CPU)(step)[1])


def test_lengths_in_a_bucket_are_alike_and_buckets_are_shuffled() -> None:
    """With one pool, every update within an epoch has examples of similar length, and the updates are shuffled."""
    lengths = torch.randperm(105, generator=torch.Generator().manual_seed(0))
    order = BucketedOrder(lengths, 10, 0, _CPU)
    spread = [int(lengths[order(step)[0]].max() - lengths[order(step)[0]].min()) for step in range(21)]
    # Five of 105 lengths are missing in each epoch's buckets, so ten neighbours span 9 to 14.
    assert max(spread[:10] + spread[11:]) <= 14 and spread[10] > 30
    first = [int(lengths[order(step)[0]].min()) for step in range(10)]
    assert first != sorted(first) and sorted(first) != sorted(
        int(lengths[order(step)[0]].min()) for step in range(11, 21)
    )


def _updates(order: TokenOrder, epochs: int, examples: int) -> list[list[int]]:
    """Return the examples of each update of the first epochs."""
    updates: list[list[int]] = []
    while sum(map(len, updates)) < epochs * examples:
        shown, keys = order(len(updates))
        assert shown.shape == keys.shape
        updates.append(shown.tolist())
    return updates


def test_updates_are_limited_by_tokens() -> None:
    """An epoch has each example once; updates keep to the limit of tokens with padding, or are one longer example."""
    lengths = torch.arange(200) % 23 + 1
    order = TokenOrder(lengths, 20, seed=3, device=_CPU, batch=7)
    updates = _updates(order, 3, 200)
    flat = [example for update in updates for example in update]
    epochs = [flat[start : start + 200] for start in (0, 200, 400)]
    assert all(sorted(epoch) == list(range(200)) for epoch in epochs) and epochs[0] != epochs[1]
    sizes = [len(update) * int(lengths[update].max()) for update in updates]
    assert all(size <= 20 or len(update) == 1 for size, update in zip(sizes, updates, strict=True))
    assert max(map(len, updates)) == 7
    # Padding is small, and short examples do not all come first.
    assert sum(int(lengths[update].sum()) for update in updates) > 0.85 * sum(sizes)
    assert len({int(lengths[update].max()) for update in updates[:20]}) > 5


def test_updates_of_tokens_depend_on_seed_and_step_only() -> None:
    """Token-limited updates depend on nothing but seed and step."""
    lengths = torch.arange(50) % 9 + 1
    order_in_use = TokenOrder(lengths, 12, 5, _CPU, 100)
    steps = [order_in_use(step) for step in range(60)]
    for step in (59, 3, 30, 31, 0):
        for order in (TokenOrder(lengths, 12, 5, _CPU, 100), order_in_use):
            assert all(torch.equal(one, other) for one, other in zip(order(step), steps[step], strict=True))
    assert len({key for _, keys in steps for key in keys.tolist()}) == sum(len(keys) for _, keys in steps)


def test_updates_of_an_epoch_are_made_on_the_device() -> None:
    """Once an epoch is shuffled, its updates ask the host for nothing and copy nothing."""
    order = TrainingOrder(10, 4, 9, _CPU)
    order(0)
    with fake_device(order, device="cuda") as ((there,), moves):
        example, key = there(1)
        assert example.device.type == key.device.type == "cuda" and len(example) == len(key) == 4
        assert moves.found == []

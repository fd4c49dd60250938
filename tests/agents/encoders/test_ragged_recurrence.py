"""Ragged texts are read as torch's packed modules read them, in groups of similar length and in any other way."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from glimpse.agents.encoders import ragged_recurrence
from glimpse.agents.encoders.length_groups import in_order, length_groups
from glimpse.agents.encoders.ragged_recurrence import Read, read_texts

LENGTH = torch.tensor([2, 70, 1, 4, *[3] * 30])
Reads = Callable[[nn.LSTM | nn.GRU, Tensor, Tensor], Read]


def packed(network: nn.LSTM | nn.GRU, tokens: Tensor, length: Tensor) -> Read:
    """Read texts by torch's own module."""
    states, last = network(pack_padded_sequence(tokens, length, batch_first=True, enforce_sorted=False))
    hidden, cell = last if isinstance(last, tuple) else (last, last)
    padded = pad_packed_sequence(states, batch_first=True, total_length=tokens.shape[1])[0]
    by_layer = (kept.unflatten(0, (network.num_layers, -1)).movedim(2, 0).flatten(2) for kept in (hidden, cell))
    return Read(padded, *by_layer)


def all_of(read: Read) -> Tensor:
    """Return a number that depends on all that was read but padding."""
    real = torch.arange(read.states.shape[1]) < LENGTH[:, None]
    weighed = (each * torch.linspace(-1, 1, each.numel()).view_as(each) for each in read[1:])
    states = torch.where(real.unsqueeze(-1), read.states, 0.0)
    return states.pow(3).sum() + states.sum() + sum(each.sum() for each in weighed)


@pytest.mark.parametrize("way", ["read_texts", "_read_padded"])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize(("layers", "both"), [(1, True), (2, True), (2, False)])
def test_states_and_gradients_are_torchs(way: str, kind: type[nn.LSTM | nn.GRU], layers: int, both: bool) -> None:
    """States, last states and cells of each layer, and all gradients; `_read_padded` is what a GPU does."""
    torch.manual_seed(0)
    network = kind(3, 4, layers, batch_first=True, bidirectional=both).double()
    tokens = torch.randn(len(LENGTH), 72, 3, dtype=torch.float64, requires_grad=True)
    read: Reads = getattr(ragged_recurrence, way)
    found, expected = read(network, tokens, LENGTH), packed(network, tokens, LENGTH)
    for mine, theirs in zip(found[1:], expected[1:], strict=True):
        torch.testing.assert_close(mine, theirs)
    real = (torch.arange(72) < LENGTH[:, None]).unsqueeze(-1)
    torch.testing.assert_close(torch.where(real, found.states, 0.0), expected.states)
    moved = [tokens, *network.parameters()]
    gradients = [torch.autograd.grad(all_of(each), moved) for each in (found, expected)]
    torch.testing.assert_close(*gradients)
    with torch.no_grad():
        torch.testing.assert_close(all_of(read_texts(network, tokens, LENGTH)), all_of(expected).detach())


def test_groups_by_hand() -> None:
    """A cut pays where it saves more padding than the 16 texts that each step of a new group costs."""
    assert [group.tolist() for group in length_groups(torch.tensor([3, 5, 3]))] == [[1, 0, 2]]
    # After the first: 2 groups of 30 x 2 and 1 x 60 steps, and 16 x 2 for the new one, against 31 x 60.
    ragged = torch.tensor([2] * 15 + [60] + [2] * 15)
    assert [group.tolist() for group in length_groups(ragged)] == [[15], [*range(15), *range(16, 31)]]
    assert [group.tolist() for group in length_groups(torch.zeros(0, dtype=torch.int64))] == [[]]


@pytest.mark.parametrize("texts", [1, 40, 300])
def test_groups_have_all_texts_and_cost_less(texts: int) -> None:
    """Each text is in one group, the longest first, and the groups cost no more than one."""
    length = torch.randint(1, 80, (texts,), generator=torch.Generator().manual_seed(texts))
    groups = length_groups(length)
    assert torch.cat(groups).sort().values.tolist() == list(range(texts))
    assert length[torch.cat(groups)].tolist() == sorted(length.tolist(), reverse=True)
    assert sum((len(group) + 16) * int(length[group].max()) for group in groups) <= (texts + 16) * int(length.max())
    assert texts < 300 or len(groups) > 1


def test_the_gradient_of_an_order_is_the_order_back() -> None:
    """It is that of indexing."""
    order = torch.tensor([2, 0, 1])
    given = torch.tensor([[1.0], [2.0], [4.0]], requires_grad=True)
    assert in_order(given, order).flatten().tolist() == [4.0, 1.0, 2.0]
    (gradient,) = torch.autograd.grad(in_order(given, order).flatten() @ torch.tensor([1.0, 10.0, 100.0]), given)
    assert gradient.flatten().tolist() == [10.0, 100.0, 1.0]

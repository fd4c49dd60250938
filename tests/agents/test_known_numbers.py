"""Numbers that the host knows: set by it, or changed by something else."""

from copy import deepcopy
from unittest.mock import patch

import torch
from torch import Tensor, nn

from glimpse.agents.known_numbers import number, set_number


def test_the_device_is_not_asked_for_what_was_set() -> None:
    """A number is known as its type keeps it."""
    buffer = torch.zeros(())
    set_number(buffer, 0.1)
    expected = buffer.item()
    with patch.object(Tensor, "item", side_effect=AssertionError("asked")):
        assert number(buffer) == expected != 0.1


def test_a_change_from_elsewhere_is_seen() -> None:
    """Loaded weights, averaged copies and copies of a module have their own numbers."""
    module = nn.Module()
    module.register_buffer("turn", torch.zeros((), dtype=torch.int64))
    buffer = module.turn
    assert isinstance(buffer, Tensor)
    set_number(buffer, 3)
    other = deepcopy(module)
    module.load_state_dict({"turn": torch.tensor(7)})
    copied = other.turn
    assert isinstance(copied, Tensor)
    assert number(buffer) == 7 and number(copied) == 3
    buffer.copy_(torch.tensor(8))
    assert number(buffer) == 8

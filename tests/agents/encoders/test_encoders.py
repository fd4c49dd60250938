"""What holds for every encoder: padding and neighbours have no effect, an empty text gives zeros."""

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter

from glimpse.agents.encoders.build import make_encoder
from glimpse.agents.encoders.encoded import Encoder
from glimpse.agents.encoders.options import EncoderOptions

ENCODERS: list[dict[str, Any]] = [
    {"kind": "lstm", "width": 4},
    {"kind": "lstm", "width": 4, "layers": 2, "pooling": "mean"},
    {"kind": "gru", "width": 4, "pooling": "last"},
    {"kind": "cnn", "filters": 5, "widths": [2, 4]},
]
MASK = torch.tensor([[True] * 6, [True, True, False, False, False, False], [False] * 6])


def make(options: dict[str, Any]) -> Encoder:
    """In float64 and without dropout."""
    torch.manual_seed(0)
    return make_encoder(TypeAdapter(EncoderOptions).validate_python(options), 3).double().eval()


@pytest.mark.parametrize("options", ENCODERS, ids=str)
def test_padding_and_neighbours_have_no_effect(options: dict[str, Any]) -> None:
    """A text alone and unpadded gives what it gives in a batch whose padding holds anything."""
    encoder, tokens = make(options), torch.randn(3, 6, 3, dtype=torch.float64)
    together = encoder(tokens, MASK)
    assert together.vector.shape == (3, encoder.width)
    for row, length in ((0, 6), (1, 2)):
        alone = encoder(tokens[row : row + 1, :length], MASK[row : row + 1, :length])
        torch.testing.assert_close(alone.vector[0], together.vector[row])
        for name, weights in alone.weights.items():
            torch.testing.assert_close(weights[0], together.weights[name][row][..., :length])
    assert together.vector[2].abs().max() == 0


@pytest.mark.parametrize("options", ENCODERS, ids=str)
def test_gradients_are_those_of_finite_differences_and_padding_has_none(options: dict[str, Any]) -> None:
    """On short texts, the empty one among them."""
    encoder = make(options)
    tokens = torch.randn(3, 6, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda given: encoder(given, MASK).vector, (tokens,))
    encoder(tokens, MASK).vector.square().sum().backward()
    assert tokens.grad is not None
    assert tokens.grad[~MASK].abs().max() == 0 and tokens.grad[0].abs().max() > 0


def test_a_convolution_by_hand() -> None:
    """One filter that adds two neighbours' first features; a text of one token is read with zeros behind it."""
    encoder = make({"kind": "cnn", "filters": 1, "widths": [2]})
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.zero_()
        next(encoder.parameters())[0, 0] = 1.0
    tokens = torch.zeros(2, 3, 3, dtype=torch.float64)
    tokens[..., 0] = torch.tensor([[1.0, 2.0, 4.0], [5.0, 7.0, 7.0]])
    mask = torch.tensor([[True, True, True], [True, False, False]])
    assert encoder(tokens, mask).vector.tolist() == [[6.0], [5.0]]

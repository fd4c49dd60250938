"""RNNsearch: known answers of its attention, its output, and the number of its parameters."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from glimpse.agents.attention.additive import AdditiveScore
from glimpse.agents.translation.bahdanau import Bahdanau, SearchDecoder
from glimpse.agents.translation.decoding import Encoded
from glimpse.agents.translation.options import BahdanauOptions


def test_attention_by_hand() -> None:
    """W = U = I, v = 1, s = [.5, -.5], three annotations."""
    decoder = SearchDecoder(BahdanauOptions(embedding_width=2, width=2, output_width=2))
    score = decoder.attention.mechanism.score
    assert isinstance(score, AdditiveScore)
    score.key = torch.nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        score.query.weight.copy_(torch.eye(2))
        score.key.weight.copy_(torch.eye(2))
        score.out.weight.fill_(1)
        states = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
        source = decoder.prepare(Encoded(states, torch.ones(1, 3, dtype=torch.bool), {}))
        read = decoder.attention(torch.tensor([[[0.5, -0.5]]]), source, 0)
    assert read.weights is not None
    torch.testing.assert_close(read.weights[0, 0], torch.tensor([0.194630, 0.314915, 0.490455]), atol=1e-6, rtol=0)
    torch.testing.assert_close(read.context[0, 0], torch.tensor([0.685085, 0.805370]), atol=1e-6, rtol=0)


def test_the_output_takes_the_larger_of_each_two() -> None:
    """t~ = [1, 3, -2, -5] -> [3, -2]."""
    decoder = SearchDecoder(BahdanauOptions(embedding_width=2, width=2, output_width=2))
    with torch.no_grad():
        for part in (decoder.output_state, decoder.output_vector, decoder.output_context):
            part.weight.zero_()
        decoder.output_state.bias.copy_(torch.tensor([1.0, 3.0, -2.0, -5.0]))
        put_out = decoder._put_out(torch.zeros(1, 2), torch.zeros(1, 2), torch.zeros(1, 4))
    assert put_out.tolist() == [[3, -2]]


def test_the_papers_size() -> None:
    """30,000 pieces of each language, 620, 1000 and 500 units: 80.4 million, as counted from its definition."""
    options = BahdanauOptions(embedding_width=620, width=1000, output_width=500, embeddings="separate")
    observed = spaces.Dict({"source": spaces.Box(0, 29_999, (50,), np.int64)})
    asked = spaces.Dict({"target": spaces.MultiDiscrete([30_000] * 50)})
    with torch.device("meta"):
        agent = Bahdanau(options, observed, asked)
    vectors = 2 * 30_000 * 620
    encoder = 2 * (620 * 3000 + 3000 + 1000 * 3000)
    attention = 1000 * 1000 + 2000 * 1000 + 1000
    decoder = 1000 * 1000 + 1000 + 620 * 3000 + 3000 + 1000 * 3000 + 2000 * 3000
    output = 1000 * 1000 + 1000 + 620 * 1000 + 2000 * 1000 + 500 * 30_000 + 30_000
    assert sum(weight.numel() for weight in agent.parameters()) == vectors + encoder + attention + decoder + output
    assert round((vectors + encoder + attention + decoder + output) / 1e6, 1) == 80.4


def test_the_papers_first_weights() -> None:
    """Of deviation 0.01, vectors and output layer too; recurrent ones orthogonal."""
    torch.manual_seed(0)
    options = BahdanauOptions(embedding_width=64, width=32, output_width=64, weights="paper")
    observed = spaces.Dict({"source": spaces.Box(0, 499, (9,), np.int64)})
    agent = Bahdanau(options, observed, spaces.Dict({"target": spaces.MultiDiscrete([500] * 9)}))
    named = dict(agent.named_parameters())
    for name in ("source_vectors.weight", "output.weight", "decoder.output_vector.weight"):
        weight = named.get(name, named["target_vectors.weight"])  # Tied ones have the name of the first.
        assert float(weight.detach().std()) == pytest.approx(0.01, rel=0.1)

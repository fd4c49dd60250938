"""RNNsearch: attention and maxout by hand, and the number of parameters."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from glimpse.agents.attention.additive import AdditiveScore
from glimpse.agents.translation.bahdanau import Bahdanau, RNNsearchDecoder
from glimpse.agents.translation.decoding import EncodedSource
from glimpse.agents.translation.options import BahdanauOptions


def test_attention_by_hand() -> None:
    """With W = U = I, v = 1, s = [.5, -.5] and three annotations."""
    decoder = RNNsearchDecoder(BahdanauOptions(embedding_width=2, width=2, output_width=2))
    score = decoder.attention.mechanism.score
    assert isinstance(score, AdditiveScore)
    score.key = torch.nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        score.query.weight.copy_(torch.eye(2))
        score.key.weight.copy_(torch.eye(2))
        score.out.weight.fill_(1)
        states = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
        source = decoder.prepare(EncodedSource(states, torch.ones(1, 3, dtype=torch.bool), {}))
        read = decoder.attention(torch.tensor([[[0.5, -0.5]]]), source, 0)
    assert read.weights is not None
    torch.testing.assert_close(read.weights[0, 0], torch.tensor([0.194630, 0.314915, 0.490455]), atol=1e-6, rtol=0)
    torch.testing.assert_close(read.context[0, 0], torch.tensor([0.685085, 0.805370]), atol=1e-6, rtol=0)


def test_maxout_by_hand() -> None:
    """Pairs [1, 3, -2, -5] give [3, -2]."""
    decoder = RNNsearchDecoder(BahdanauOptions(embedding_width=2, width=2, output_width=2))
    with torch.no_grad():
        for part in (decoder.output_state, decoder.output_vector, decoder.output_context):
            part.weight.zero_()
        decoder.output_state.bias.copy_(torch.tensor([1.0, 3.0, -2.0, -5.0]))
        maxout = decoder._maxout(torch.zeros(1, 2), torch.zeros(1, 2), torch.zeros(1, 4))
    assert maxout.tolist() == [[3, -2]]


def test_the_paper_sizes_have_80_million_parameters() -> None:
    """30,000 tokens per language, widths 620, 1000 and 500: 80.4 million, counted from the definition."""
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


def test_the_paper_initialisation() -> None:
    """Token vectors and the output layer have a standard deviation of 0.01 too."""
    torch.manual_seed(0)
    options = BahdanauOptions(embedding_width=64, width=32, output_width=64, weights="paper")
    observed = spaces.Dict({"source": spaces.Box(0, 499, (9,), np.int64)})
    agent = Bahdanau(options, observed, spaces.Dict({"target": spaces.MultiDiscrete([500] * 9)}))
    named = dict(agent.named_parameters())
    for name in ("source_vectors.weight", "output.weight", "decoder.output_vector.weight"):
        weight = named.get(name, named["target_vectors.weight"])  # Tied weights have the name of the first.
        assert float(weight.detach().std()) == pytest.approx(0.01, rel=0.1)

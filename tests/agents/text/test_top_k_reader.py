"""Tests of the top-k reader: which words it keeps, and that the answer depends on no others."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from glimpse.agents.errors import AgentError
from glimpse.agents.text.options import TopKReaderOptions
from glimpse.agents.text.top_k_reader import TopKReader, top_words

TEXT = torch.tensor([[5, 6, 7, 9, 0, 0], [8, 4, 0, 0, 0, 0]])


def make(**encoder: Any) -> TopKReader:
    """Make a small agent with a vocabulary of ten words that keeps half of a text."""
    torch.manual_seed(0)
    seen = spaces.Dict({"text": spaces.Box(0, 9, (6,), np.int64)})
    options = {"keep_rate": 0.5, "embedding_width": 3, "encoder": {"kind": "gru", "width": 4, **encoder}}
    return TopKReader(TopKReaderOptions.model_validate(options), seen, spaces.Dict({"answer": spaces.Discrete(3)}))


def test_the_top_words_by_hand() -> None:
    """Half of five is two (to the even number), a tenth of three is one; of equal weights the earlier; no padding."""
    weights = torch.tensor([[0.1, 0.3, 0.3, 0.2, 0.1, 9.0], [0.2, 0.2, 0.2, 0.0, 0.0, 0.0], [0.0] * 6])
    real = torch.tensor([[1, 1, 1, 1, 1, 0], [1, 1, 1, 0, 0, 0], [0] * 6]).bool()
    assert top_words(weights, real, 0.5).int().tolist() == [[0, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0] * 6]
    assert top_words(weights, real, 0.1).sum(1).tolist() == [1, 1, 0]
    assert top_words(weights, real, 1.0).equal(real)


def test_the_answer_is_from_the_top_words_alone() -> None:
    """The answer is the same for a text of these words alone."""
    agent = make(pooling="context_vector").eval()
    decision, _ = agent({"text": TEXT}, None)
    kept = decision.activations["kept"]
    assert kept.sum(1).tolist() == [2, 1]
    words = TEXT[0][kept[0] > 0]
    alone = torch.cat([words, torch.zeros(4, dtype=torch.long)])[None]
    torch.testing.assert_close(decision.answer[0], agent.read({"text": alone})[0][0])


def test_an_encoder_without_weights_is_refused() -> None:
    """The error comes when the agent is made, before any training."""
    with pytest.raises(AgentError, match="agent.encoder gru weighs no words.*set agent.encoder.pooling"):
        make(pooling="last")

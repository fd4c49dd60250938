"""The plain network that ours is measured beside computes the same."""

import torch

from glimpse.agents.encoders.hierarchical_encoder import HierarchicalEncoder
from glimpse.agents.encoders.options import HierarchicalEncoderOptions, LevelOptions
from glimpse.benchmarks.bench_ragged import make_documents
from glimpse.benchmarks.plain_han import PlainHan


def test_both_networks_are_equal() -> None:
    """With our weights the plain one gives our vectors, of documents as the benchmark makes them."""
    torch.manual_seed(0)
    text, sentences, words = make_documents(5)
    assert ((text > 0).sum(-1) == words).all() and ((words > 0).sum(-1) == sentences).all()
    level = LevelOptions(width=3)
    ours = HierarchicalEncoder(HierarchicalEncoderOptions(words=level, sentences=level), 4)
    plain = PlainHan(20_000, 4, 3)
    named = dict(ours.named_parameters())
    with torch.no_grad():
        for name, weight in plain.named_parameters():
            if not name.startswith("embedding"):
                theirs = name.replace("gru", "states.network").replace("hidden", "pooling.attention.hidden")
                theirs = theirs.replace("question.weight", "pooling.attention.question")
                weight.copy_(named.pop(theirs).view_as(weight))
    assert not named
    found = ours.read(text, plain.embedding).vector
    torch.testing.assert_close(plain(text, sentences, words), found)

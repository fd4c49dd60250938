"""Graphs of a Transformer translator: an encoder that is run once a sentence, and a decoder's step for each token.

Axes: B sentences, L tokens of the source, t tokens before, V tokens of the vocabulary, h heads, D width.
"""

from typing import cast

import torch
from torch import Tensor, nn

from glimpse.agents.translation.options import TranslatingTransformerOptions
from glimpse.agents.translation.symbols import BEGIN, END
from glimpse.agents.translation.transformer_translator import TranslatingTransformer
from glimpse.errors import UserError
from glimpse.inference.onnx_graph import OnnxGraph, Port
from glimpse.runs.trained_run import TrainedRun

_LENGTHS = ((3, 7, 4), (1, 1, 0), (2, 5, 1), (4, 11, 6))
"""Sizes of the samples: sentences, tokens of the source, and tokens that were generated before."""


class SourceEncoding(nn.Module):
    """Encoding of B sentences: keys and values that all steps of the decoder read."""

    def __init__(self, agent: TranslatingTransformer) -> None:
        """Wrap a translator."""
        super().__init__()
        self.agent = agent

    def forward(self, source: Tensor) -> tuple[Tensor]:
        """Encode sources (B, L) int64 as keys and values (B, layers, 2, h, L, D / h)."""
        agent = self.agent
        prepared = agent.decoder.prepare(agent.encode(source))
        return (_stacked(prepared, _options(agent).layers),)


class NextToken(nn.Module):
    """Step of the decoder for B sentences."""

    def __init__(self, agent: TranslatingTransformer) -> None:
        """Wrap a translator."""
        super().__init__()
        self.agent = agent

    def forward(self, source: Tensor, encoded: Tensor, token: Tensor, memory: Tensor) -> tuple[Tensor, ...]:
        """Compute what may come next.

        Args:
            source: (B, L) int64.
            encoded: (B, layers, 2, h, L, D / h), see `SourceEncoding`.
            token: (B,) int64, the token before.
            memory: (B, layers, 2, h, t, D / h), keys and values of the tokens before that one.

        Returns:
            Log-probabilities (B, V), attention to the source (B, L), and the memory with the token's own.
        """
        layers = _options(self.agent).layers
        prepared = {"real": source != 0, **_named_layers(encoded, layers)}
        log_prob, step = self.agent.step(token, _named_layers(memory, layers), prepared, memory.shape[4])
        assert step.weights is not None
        return log_prob, step.weights, _stacked(step.state, layers)


def _options(agent: TranslatingTransformer) -> TranslatingTransformerOptions:
    """Return the options of a Transformer."""
    return cast(TranslatingTransformerOptions, agent.options)


def translation_graph(trained: TrainedRun) -> OnnxGraph:
    """Return the graph of a decoder's step, whose companion is the encoder's.

    Raises:
        UserError: if the translator is no Transformer.
    """
    agent = trained.agent
    if not isinstance(agent, TranslatingTransformer):
        raise UserError(
            f"{trained.experiment.agent.name} cannot be exported: of the translators the transformer can, whose "
            "decoder has no loop over tokens"
        )
    options = _options(agent)
    layers, heads, width = options.layers, options.heads, options.width
    tokens, source_tokens = agent.output.weight.shape[0], agent.source_vectors.weight.shape[0]
    source = Port("source", ("batch", "tokens"), "int64 numbers of its tokens, the end last; 0 behind its end")
    encoded = Port("encoded", ("batch", layers, 2, heads, "tokens", width // heads), "keys and values of the source")
    memory = ("batch", layers, 2, heads, "before", width // heads)
    random, encoding, samples = torch.Generator().manual_seed(0), SourceEncoding(agent), []
    for batch, length, before in _LENGTHS:
        text = torch.randint(1, source_tokens, (batch, length), generator=random)
        text[1:, max(1, length // 2) :] = 0
        token = torch.randint(1, tokens, (batch,), generator=random)
        known = torch.randn(batch, layers, 2, heads, before, width // heads, generator=random)
        samples.append((text, encoding(text)[0], token, known))
    encoder = OnnxGraph(encoding, (source,), (encoded,), tuple((sample[0],) for sample in samples))
    about = "keys and values of the tokens before; of none, (batch, ..., 0, ...), at first"
    return OnnxGraph(
        NextToken(agent),
        (
            source,
            encoded,
            Port("token", ("batch",), f"the token before, at first {BEGIN}"),
            Port("memory", memory, about),
        ),
        (
            Port(
                "log_probabilities", ("batch", tokens), f"log-probabilities of the next token; {END} ends a translation"
            ),
            Port("attention", ("batch", "tokens"), "attention to the source's tokens"),
            Port("next_memory", (*memory[:4], "after", memory[5]), "keys and values for the next step"),
        ),
        tuple(samples),
        {"begin": BEGIN, "end": END, "longest": agent.longest},
        {"encoder": encoder},
    )


def _stacked(named: dict[str, Tensor], layers: int) -> Tensor:
    """Return the keys and values of all layers, (B, h, n, d) each, as one tensor (B, layers, 2, h, n, d)."""
    return torch.stack(
        [torch.stack([named[f"{kind}{number}"] for kind in ("key", "value")], 1) for number in range(layers)], 1
    )


def _named_layers(stacked: Tensor, layers: int) -> dict[str, Tensor]:
    """Return the keys and values of all layers by name; the reverse of `_stacked`."""
    return {
        f"{kind}{number}": stacked[:, number, place]
        for number in range(layers)
        for place, kind in enumerate(("key", "value"))
    }

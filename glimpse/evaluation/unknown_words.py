"""Replacement of unknown tokens of translations by words of the source (Luong et al., 2015)."""

from typing import NamedTuple

import torch
from torch import Tensor

from glimpse.agents.translation.symbols import END, UNKNOWN
from glimpse.agents.translation.translator import Translator
from glimpse.envs.translation.translating import Translating


class Sources(NamedTuple):
    """Source texts of a batch, and their tokens (B, L)."""

    texts: list[str]
    tokens: Tensor


def unknown_words(
    agent: Translator, env: Translating, sources: Sources, target: Tensor, delays: Tensor | None = None
) -> list[list[str]]:
    """Find the source word that replaces each unknown token: the one with the most attention (Luong et al., 2015).

    END is not a word, and a source token that had not been read yet is not considered.

    Args:
        agent: the translator, whose last attention weights are used; without attention nothing is replaced.
        env: the environment, for its tokens.
        sources: the source texts.
        target: (B, M), the translations' tokens.
        delays: (B, M), the number of source tokens read at each target token; None if all were read.

    Returns:
        A list of words for each translation, one for each of its unknown tokens; an empty word where no word has any
        attention.
    """
    nothing: list[list[str]] = [[] for _ in sources.texts]
    if not (target == UNKNOWN).any():
        return nothing
    weights = list(agent.align(sources.tokens, target).values())
    if not weights:
        return nothing

    # Take the last layer's weights, (B, M, L), as the mean over heads, and mask what cannot be a replacement.
    last = weights[-1].float()
    last = last.mean(1) if last.dim() == 4 else last
    last = last.masked_fill((sources.tokens == END).unsqueeze(1), 0)
    if delays is not None:
        position = torch.arange(last.shape[2], device=last.device)
        last = last.masked_fill(position >= delays[:, : last.shape[1], None], 0)

    # Look up the word at the position of the largest weight.
    weight, most = last.max(-1)  # (B, M) both
    positions = most.where(weight > 0, -1).tolist()
    return [
        [words[at] if at >= 0 else "" for at, token in zip(row, tokens, strict=False) if token == UNKNOWN]
        for words, row, tokens in zip(
            map(env.languages.source.token_texts, sources.texts), positions, target.tolist(), strict=True
        )
    ]

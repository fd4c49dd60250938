"""Alignments: attention weights of each token of a translation over the tokens of the source."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from glimpse.agents.translation.symbols import END
from glimpse.agents.translation.translator import Translator
from glimpse.envs.translation.translating import Translating
from glimpse.evaluation.generation import Translation
from glimpse.reporting.drawing.svg import Drawing, below, beside, matrix, title_line

_READ_EARLIER = 0.3
"""Darkness of source tokens that were read before the previous WRITE, relative to those read since."""


class Alignment(NamedTuple):
    """Attention weights of one translation.

    source: L tokens, as text.
    target: M tokens, as text.
    maps: weights (M, L) in [0, 1] by name, one for each head of each layer, or a single one; empty without attention.
    """

    source: list[str]
    target: list[str]
    maps: dict[str, NDArray[np.float32]]

    @property
    def mean(self) -> NDArray[np.float32] | None:
        """The mean over the last layer's heads, or the only map; None without attention."""
        if not self.maps:
            return None
        last = list(self.maps)[-1].partition(",")[0]
        mean: NDArray[np.float32] = np.mean([one for name, one in self.maps.items() if name.startswith(last)], 0)
        return mean


@torch.no_grad()
def align(agent: Translator, env: Translating, translation: Translation) -> Alignment:
    """Compute the attention to the source at each token of a translation.

    For a simultaneous translation, return which source tokens had been read instead.
    """
    if translation.delays:
        return _staircase(env, translation)
    source, target = (
        torch.tensor([tokens], device=env.device) for tokens in (translation.source_tokens, translation.target_tokens)
    )
    maps: dict[str, NDArray[np.float32]] = {}
    for name, weights in agent.align(source, target).items():
        one = weights[0].float().cpu().numpy()
        if one.ndim == 2:
            maps[name] = one
        else:
            layer = name.replace("cross", "layer ")
            maps |= {f"{layer}, head {number}": head for number, head in enumerate(one, 1)}
    return Alignment(*_token_texts(env, translation), maps)


def _staircase(env: Translating, translation: Translation) -> Alignment:
    """Return READ and WRITE as a staircase: source tokens read before each WRITE, the newest ones darkest."""
    position, delays = np.arange(len(translation.source_tokens)), np.array(translation.delays)[:, None]
    before = np.concatenate([np.zeros((1, 1), delays.dtype), delays[:-1]])
    stairs = np.where(position < before, _READ_EARLIER, np.where(position < delays, 1.0, 0.0)).astype(np.float32)
    return Alignment(*_token_texts(env, translation), {"delays": stairs})


def _token_texts(env: Translating, translation: Translation) -> tuple[list[str], list[str]]:
    """Return the tokens of source and target as text."""
    both = translation.source_tokens, translation.target_tokens
    source, target = (
        [*language.spell(token for token in tokens if token != END), "</s>"]
        for language, tokens in zip(env.languages, both, strict=True)
    )
    return source, target[: len(translation.target_tokens)]


def alignment_drawing(one: Alignment, title: str, heads: bool = True) -> Drawing:
    """Draw an alignment; a row is a token of the translation.

    Args:
        one: the alignment.
        title: title above it; none if it is empty.
        heads: whether to draw a matrix for each head, in a line per layer, instead of the mean over the last layer.
    """
    heading = [title_line(title)] if title else []
    if one.mean is None:
        return below([*heading, title_line("no attention", "quiet small")], 8)
    if not heads or len(one.maps) == 1:
        return below([*heading, matrix(one.mean.clip(0, 1), one.target, one.source)], 8)
    lines: dict[str, list[Drawing]] = {}
    for name, drawing in head_drawings(one):
        titled = below([title_line(name, "quiet small"), drawing], 0)
        lines.setdefault(name.partition(",")[0], []).append(titled)
    return below([*heading, *(beside(line) for line in lines.values())], 8)


def head_drawings(one: Alignment) -> list[tuple[str, Drawing]]:
    """Return the name and matrix of each head."""
    return [(name, matrix(weights.clip(0, 1), one.target, one.source)) for name, weights in one.maps.items()]

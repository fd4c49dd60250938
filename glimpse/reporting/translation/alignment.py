"""Which pieces of the source each piece of a translation attended to: as numbers, for drawings."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from glimpse.agents.translation.symbols import END
from glimpse.agents.translation.translator import Translator
from glimpse.envs.translation.translating import Translating
from glimpse.evaluation.generation import Translation
from glimpse.reporting.drawing.svg import Drawing, below, beside, matrix, title_line

_HEARD_BEFORE = 0.3
"""Of the darkness of what was heard just before a piece, that of what was heard before the piece before it."""


class Alignment(NamedTuple):
    """Of one translation.

    source, target: L and M pieces, as they are shown.
    maps: (M, L) in [0, 1] by name, of a layer's head or the only one; none where nothing was attended to.
    """

    source: list[str]
    target: list[str]
    maps: dict[str, NDArray[np.float32]]

    @property
    def mean(self) -> NDArray[np.float32] | None:
        """The mean of the last layer's heads, or the only map."""
        if not self.maps:
            return None
        last = list(self.maps)[-1].partition(",")[0]
        mean: NDArray[np.float32] = np.mean([one for name, one in self.maps.items() if name.startswith(last)], 0)
        return mean


@torch.no_grad()
def align(agent: Translator, world: Translating, translation: Translation) -> Alignment:
    """Attention to the source at each piece of a translation; of a simultaneous one what was heard by then."""
    if translation.heard:
        return _staircase(world, translation)
    source, target = (
        torch.tensor([pieces], device=world.device) for pieces in (translation.source_pieces, translation.target_pieces)
    )
    maps: dict[str, NDArray[np.float32]] = {}
    for name, weights in agent.align(source, target).items():
        one = weights[0].float().cpu().numpy()
        if one.ndim == 2:
            maps[name] = one
        else:
            layer = name.replace("cross", "layer ")
            maps |= {f"{layer}, head {number}": head for number, head in enumerate(one, 1)}
    return Alignment(*_spelled(world, translation), maps)


def _staircase(world: Translating, translation: Translation) -> Alignment:
    """READ and WRITE as stairs: of what was heard before each piece, the newest is the darkest."""
    place, heard = np.arange(len(translation.source_pieces)), np.array(translation.heard)[:, None]
    before = np.concatenate([np.zeros((1, 1), heard.dtype), heard[:-1]])
    stairs = np.where(place < before, _HEARD_BEFORE, np.where(place < heard, 1.0, 0.0)).astype(np.float32)
    return Alignment(*_spelled(world, translation), {"heard": stairs})


def _spelled(world: Translating, translation: Translation) -> tuple[list[str], list[str]]:
    """The pieces of source and target, as they are shown."""
    both = translation.source_pieces, translation.target_pieces
    source, target = (
        [*language.spell(piece for piece in pieces if piece != END), "</s>"]
        for language, pieces in zip(world.languages, both, strict=True)
    )
    return source, target[: len(translation.target_pieces)]


def alignment_drawing(one: Alignment, title: str, heads: bool = True) -> Drawing:
    """Which pieces were attended to; a row is a piece that was written.

    Args:
        one: the alignment.
        title: above it; none where it is empty.
        heads: whether there is a matrix for each head, a line of them for each layer; or else their mean in the last.
    """
    heading = [title_line(title)] if title else []
    if one.mean is None:
        return below([*heading, title_line("no attention", "quiet small")], 8)
    if not heads or len(one.maps) == 1:
        return below([*heading, matrix(one.mean.clip(0, 1), one.target, one.source)], 8)
    lines: dict[str, list[Drawing]] = {}
    for name, drawing in map_drawing(one):
        named = below([title_line(name, "quiet small"), drawing], 0)
        lines.setdefault(name.partition(",")[0], []).append(named)
    return below([*heading, *(beside(line) for line in lines.values())], 8)


def map_drawing(one: Alignment) -> list[tuple[str, Drawing]]:
    """A matrix for each head, with its name."""
    return [(name, matrix(weights.clip(0, 1), one.target, one.source)) for name, weights in one.maps.items()]

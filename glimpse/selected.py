"""Words that an agent chose before it read: which share of them, and a warning where the choice says nothing.

Axes: T steps, B episodes, L words.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from glimpse.agents.attention.reinforced import Selected
from glimpse.agents.embedding import PADDING
from glimpse.agents.episode import Episode

_FEW, _MANY = 0.01, 0.99


def kept_words(episode: Episode) -> dict[str, Tensor]:
    """Shares of real words that were chosen as `heads` and as `dependents`, (B,) each, of a pair the mean of its texts.

    Nothing where an agent chooses none.
    """
    found: dict[str, list[Tensor]] = {}
    for text, numbers in episode.observation.items():
        for kind in Selected._fields:
            chosen = episode.activations.get(f"{kind}{text.removeprefix('text')}") if text.startswith("text") else None
            if chosen is not None:
                real = numbers[0] != PADDING
                share = (chosen[0] & real).sum(-1) / real.sum(-1).clamp(min=1)
                found.setdefault(f"{kind}s", []).append(share)
    return {name: torch.stack(shares).mean(0) for name, shares in found.items()}


def selection_warnings(kept: Mapping[str, float]) -> list[str]:
    """What is wrong with a choice, in plain words: that nothing is left out, or everything."""
    found = []
    for name, share in kept.items():
        if share < _FEW:
            found.append(f"hardly a word is chosen among the {name} ({100 * share:.1f} %): a lower cost keeps more")
        elif share > _MANY:
            found.append(f"nearly all words are chosen as {name} ({100 * share:.1f} %): a higher cost keeps fewer")
    return found

"""Words that an agent chose before it read: how many, whether they are those that people marked, and warnings.

Axes: T steps, B episodes of M copies each, L words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import mean

import torch
from torch import Tensor

from glimpse.agents.embedding import PADDING
from glimpse.agents.episode import Episode
from glimpse.envs.lanes import Core

_FEW, _MANY = 0.01, 0.99
_BEYOND = 1.25
_KINDS = {"head": "heads", "dependent": "dependents", "kept": "kept"}
"""What a word may be chosen as: to read, to be read; or, where that is one, to be kept."""


@dataclass
class KeptWords:
    """What episodes chose, added up batch by batch.

    shares: of real words that were chosen, (B,) each, by what they were chosen as.
    counts: words that were chosen and marked, chosen, and marked, (3,) each.
    """

    shares: list[dict[str, Tensor]] = field(default_factory=list)
    counts: list[Tensor] = field(default_factory=list)

    def add(self, episode: Episode, example: Tensor, world: Core) -> None:
        """Add episodes on some examples (E,) of a world; of an agent that chooses nothing, nothing."""
        shares = kept_words(episode) | read_words(episode, example, world)
        if not shares:
            return
        self.shares.append(shares)
        marked = world.marked(example) if hasattr(world, "marked") else None
        read = episode.activations.get("kept", episode.activations.get("dependent"))
        if marked is not None and read is not None:
            gold, chosen = marked.repeat_interleave(episode.copies, 0), read[0] > 0
            self.counts.append(torch.stack([each.sum() for each in (gold & chosen, chosen, gold)]))

    def summary(self) -> dict[str, float]:
        """Mean shares, by name; and where words are marked `marked_recall`, `marked_precision` and `marked_f1`.

        The last three count all words of all texts together; a dependent, which is read, counts as chosen.
        """
        names = list(self.shares[0]) if self.shares else []
        found = {name: float(torch.cat([each[name] for each in self.shares]).mean()) for name in names}
        if self.counts:
            both, chosen, gold = torch.stack(self.counts).sum(0).tolist()
            found["marked_recall"], found["marked_precision"] = both / max(1, gold), both / max(1, chosen)
            found["marked_f1"] = 2 * both / max(1, chosen + gold)
        return found


def kept_words(episode: Episode) -> dict[str, Tensor]:
    """Shares of real words that were chosen, (B,) each, by what as: `heads` and `dependents`, or `kept` to be read.

    Of a pair the mean of its texts; nothing where an agent chooses none.
    """
    found: dict[str, list[Tensor]] = {}
    for text, numbers in episode.observation.items():
        for kind, name in _KINDS.items():
            chosen = episode.activations.get(f"{kind}{text.removeprefix('text')}") if text.startswith("text") else None
            if chosen is not None:
                real = numbers[0] != PADDING
                share = ((chosen[0] > 0) & real).sum(-1) / real.sum(-1).clamp(min=1)
                found.setdefault(name, []).append(share)
    return {name: torch.stack(shares).mean(0) for name, shares in found.items()}


def read_words(episode: Episode, example: Tensor, world: Core) -> dict[str, Tensor]:
    """The share of words that were `read`, (B,), where a world shows a text a window at a time."""
    if not hasattr(world, "words_of"):
        return {}
    shown = ((episode.observation["words"] != PADDING).sum(-1) * episode.taken).sum(0)
    return {"read": shown / world.words_of(example).repeat_interleave(episode.copies).clamp(min=1)}


def attended_words(episode: Episode) -> list[Tensor]:
    """The share of real words whose weight is not zero, (B,), of each text in which every word has one weight."""
    found = []
    for text, numbers in episode.observation.items():
        weights = episode.activations.get(f"tokens{text.removeprefix('text')}") if text.startswith("text") else None
        if weights is not None:
            real = (numbers[0] != PADDING).sum(-1).clamp(min=1)
            found.append((weights[0] > 0).sum(-1) / real)
    return found


def selection_warnings(kept: Mapping[str, float], asked: float | None = None) -> list[str]:
    """What is wrong with a choice, in plain words: that nothing is left out, or everything, or less than was asked."""
    found = []
    if asked is not None and exceeds(kept, asked):
        found.append(f"more words are chosen than were asked for: {100 * asked:g} % were")
    for name, share in _shares(kept).items():
        if name == "read":
            continue  # Some read everything by design.
        if share < _FEW:
            found.append(f"hardly a word is chosen ({name}: {100 * share:.1f} %): a lower cost keeps more")
        elif share > _MANY:
            found.append(f"nearly all words are chosen ({name}: {100 * share:.1f} %): a higher cost keeps fewer")
    return found


def exceeds(kept: Mapping[str, float], asked: float | None) -> bool:
    """Whether by more than a quarter more words are chosen than an agent was asked for; of two kinds their mean."""
    shares = [kept[name] for name in _KINDS.values() if name in kept]
    return asked is not None and bool(shares) and mean(shares) > _BEYOND * asked


def describe_kept(kept: Mapping[str, float]) -> list[str]:
    """A summary in words."""
    found = [f"{100 * share:.1f} % of words are {name}" for name, share in _shares(kept).items()]
    if "marked_f1" in kept:
        recall, precision, f1 = (100 * kept[f"marked_{name}"] for name in ("recall", "precision", "f1"))
        found.append(f"marked words: recall {recall:.1f} %, precision {precision:.1f} %, F1 {f1:.1f} %")
    return found


def _shares(kept: Mapping[str, float]) -> dict[str, float]:
    return {name: share for name, share in kept.items() if name in (*_KINDS.values(), "read")}

"""Simultaneous translation as a batched core: hear one more piece, or write one, at each step.

Axes: B lanes, R lanes that begin anew, N pairs of sentences, L pieces of a source, M pieces of a target.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.images.classification import Action, Observation, Step
from glimpse.envs.options import AugmentOptions
from glimpse.envs.text.rendered_page import draw_page
from glimpse.envs.translation.interpret_options import InterpretOptions
from glimpse.envs.translation.lagging import average_lagging, differentiable_lagging
from glimpse.envs.translation.sentence_bleu import sentence_bleu
from glimpse.envs.translation.subwords import END, PAD
from glimpse.envs.translation.translating import Translating, length_of
from glimpse.envs.translation.translation_data import TranslationData


class Interpreting(Translating):
    """Hear and write by turns, in any order.

    Observation: `source` (L,), the pieces heard so far, 0 for all others; `target` (M,), the pieces written so far.
    Action: `write`, 0 to hear the next piece (nothing happens where all were heard) or 1 to write; and `piece`, the
    number of what is written.
    Reward: at the end, BLEU of the sentence less `delay_cost` times its lag; see `lagging.py`.
    Start: nothing is heard. End: when END is written, the translation is as long as it may be, or twice as many steps
    were made as that.

    Version 0.
    """

    def __init__(
        self,
        options: InterpretOptions,
        data: TranslationData,
        *,
        device: torch.device | str = "cpu",
        augment: AugmentOptions | None = None,
    ) -> None:
        """Put the sentences on the device; see `Translating`."""
        super().__init__(options, data, device=device, augment=augment)
        self.lagging = average_lagging if options.lagging == "average" else differentiable_lagging
        self.delay_cost, self.steps = options.delay_cost, 2 * self.longest
        last = len(data.languages.target) - 1
        written = spaces.Box(0, last, (self.longest,), np.int64)
        self.observation_space = spaces.Dict({"source": self.observation_space["source"], "target": written})
        self.action_space = spaces.Dict({"piece": spaces.Discrete(last + 1), "write": spaces.Discrete(2)})

    def begin(self, example: Tensor, key: Tensor, copies: int = 1) -> Observation:
        """Begin B = E * copies episodes; see `glimpse.envs.lanes.Core`. Nothing is drawn from the keys."""
        lanes = len(example) * copies
        self._heard, self._count, self._time = torch.zeros(3, lanes, dtype=torch.int64, device=self.device).unbind()
        nothing = torch.zeros(lanes, self.longest, dtype=torch.int64, device=self.device)
        self._written, self._delays = nothing, nothing
        return super().begin(example, key, copies)

    def restart(self, lanes: Tensor, example: Tensor, key: Tensor) -> Observation:
        """Begin new episodes in some lanes, (R,) int64 all three; the observation of all B lanes."""
        for name in ("_heard", "_count", "_time", "_written", "_delays"):
            setattr(self, name, getattr(self, name).index_fill(0, lanes, 0))
        return super().restart(lanes, example, key)

    def step(self, action: Action) -> Step:
        """Hear or write.

        Args:
            action: `write` (B,) int64, 0 or 1, and `piece` (B,) int64.

        Returns:
            The step. In lanes whose episode is over nothing happens and the reward is 0.
        """
        playing, writes = ~self._over, ~self._over & (action["write"] == 1)
        source, true = self._whole(), self.label
        length = (source != PAD).sum(1)
        place = torch.arange(self.longest, device=self.device)
        here = writes[:, None] & (place == self._count[:, None])
        self._written = torch.where(here, action["piece"][:, None], self._written)
        self._delays = torch.where(here, self._heard[:, None], self._delays)
        self._count, self._time = self._count + writes, self._time + playing
        self._heard = torch.minimum(self._heard + (playing & ~writes), length)
        ended = writes & ((action["piece"] == END) | (self._count == self.longest))
        ended = ended | (playing & (self._time == self.steps))
        self._over = self._over | ended
        return Step(self._observe(), self._worth(ended, true, length), self._over, true)

    def lesson(self) -> Observation:
        """What one learns from whose translations are known: the whole sentences, and nothing written."""
        return {"source": self._whole(), "target": torch.zeros_like(self._written)}

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw what a lane has heard and written as an RGB picture (height, width, 3) uint8."""
        last = seen[-1] if seen else {"source": np.zeros(0), "target": np.zeros(0)}
        return draw_page(
            [
                pieces.text(int(number) for number in last[name].tolist() if number != END).split()
                for name, pieces in zip(("source", "target"), self.languages, strict=True)
            ]
        )

    def _worth(self, ended: Tensor, true: Tensor, length: Tensor) -> Tensor:
        """The reward (B,) of lanes that have ended just now, 0 in all others."""
        lanes = ended.nonzero()[:, 0]
        reward = torch.zeros(len(ended), device=self.device)
        if not len(lanes):
            return reward
        count, true = self._count[lanes], true[lanes]
        written = self._written[lanes, : int(count.max())]
        quality = sentence_bleu(written, length_of(written), true, length_of(true))
        lag = self.lagging(self._delays[lanes], count, length[lanes])
        return reward.index_copy(0, lanes, quality - self.delay_cost * lag)

    def _whole(self) -> Tensor:
        """The sentences in the lanes, heard or not, (B, L)."""
        return self._source.batch(self._example, self.longest).tokens

    def _observe(self) -> Observation:
        heard = torch.arange(self.longest, device=self.device) < self._heard[:, None]
        return {"source": self._whole().masked_fill(~heard, PAD), "target": self._written}

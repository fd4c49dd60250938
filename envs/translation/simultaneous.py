"""Simultaneous translation as a batched environment: each step READs a source token or WRITEs a target token.

Axes: B lanes, R lanes that are reset, N pairs of sentences, L tokens of a source, M tokens of a target.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from glimpse.envs.core import Action, Observation, StepResult
from glimpse.envs.text.rendered_page import draw_page
from glimpse.envs.translation.lagging import average_lagging, differentiable_lagging
from glimpse.envs.translation.options import SimultaneousTranslationOptions
from glimpse.envs.translation.sentence_bleu import sentence_bleu
from glimpse.envs.translation.subwords import END, PAD
from glimpse.envs.translation.translating import Translating, length_of
from glimpse.envs.translation.translation_data import TranslationData


class SimultaneousTranslation(Translating):
    """READ and WRITE tokens in any order.

    Observation: `source` (L,), the tokens read so far, 0 elsewhere; `target` (M,), the tokens written so far.
    Action: `write`, 0 to READ the next token (without effect once all have been read) or 1 to WRITE; and `token`, the
    number of the token to write.
    Reward: at the end of the episode, sentence BLEU minus `delay_cost` times the lag; see `lagging.py`.
    Start: nothing has been read. End: when END is written, when the translation has its maximum length, or after twice
    as many steps as that length.

    Version 0.
    """

    def __init__(
        self,
        options: SimultaneousTranslationOptions,
        data: TranslationData,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        """Move the sentences to the device; see `Translating`."""
        super().__init__(options, data, device=device)
        self.lagging = average_lagging if options.lagging == "average" else differentiable_lagging
        self.delay_cost, self.steps = options.delay_cost, 2 * self.longest
        last = len(data.languages.target) - 1
        written = spaces.Box(0, last, (self.longest,), np.int64)
        self.observation_space = spaces.Dict({"source": self.observation_space["source"], "target": written})
        self.action_space = spaces.Dict({"token": spaces.Discrete(last + 1), "write": spaces.Discrete(2)})

    def reset(self, example: Tensor, key: Tensor, copies: int = 1) -> Observation:
        """Begin B = E * copies episodes; see `BatchedEnv`. Nothing is drawn from the keys."""
        lanes = len(example) * copies
        zeros = torch.zeros(3, lanes, dtype=torch.int64, device=self.device)
        self._source_read, self._written_count, self._time = zeros.unbind()
        empty = torch.zeros(lanes, self.longest, dtype=torch.int64, device=self.device)
        self._written, self._delays = empty, empty
        return super().reset(example, key, copies)

    def reset_lanes(self, lanes: Tensor, example: Tensor, key: Tensor) -> Observation:
        """Begin new episodes in some lanes, (R,) int64 all three; return the observation of all B lanes."""
        for name in ("_source_read", "_written_count", "_time", "_written", "_delays"):
            setattr(self, name, getattr(self, name).index_fill(0, lanes, 0))
        return super().reset_lanes(lanes, example, key)

    def step(self, action: Action) -> StepResult:
        """READ or WRITE one token in each lane.

        Args:
            action: `write` (B,) int64, 0 or 1, and `token` (B,) int64.

        Returns:
            The result. In lanes whose episode has ended nothing happens and the reward is 0.
        """
        playing, writes = ~self._terminated, ~self._terminated & (action["write"] == 1)
        source, true = self._whole_source(), self.label
        length = (source != PAD).sum(1)
        # WRITE: append the token, and note how much of the source has been read.
        position = torch.arange(self.longest, device=self.device)
        here = writes[:, None] & (position == self._written_count[:, None])
        self._written = torch.where(here, action["token"][:, None], self._written)
        self._delays = torch.where(here, self._source_read[:, None], self._delays)
        self._written_count, self._time = self._written_count + writes, self._time + playing
        # READ: reveal one more token, if any is left.
        self._source_read = torch.minimum(self._source_read + (playing & ~writes), length)
        # The episode ends with END, at the maximum length, or when time is up.
        ended = writes & ((action["token"] == END) | (self._written_count == self.longest))
        ended = ended | (playing & (self._time == self.steps))
        self._terminated = self._terminated | ended
        return StepResult(self._observe(), self._final_reward(ended, true, length), self._terminated, true)

    def full_observation(self) -> Observation:
        """Return whole source sentences and empty targets, to learn from known translations."""
        return {"source": self._whole_source(), "target": torch.zeros_like(self._written)}

    def frame(self, lane: int, seen: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.uint8]:
        """Draw what a lane has read and written as an RGB picture (height, width, 3) uint8."""
        last = seen[-1] if seen else {"source": np.zeros(0), "target": np.zeros(0)}
        return draw_page(
            [
                tokens.text(int(number) for number in last[name].tolist() if number != END).split()
                for name, tokens in zip(("source", "target"), self.languages, strict=True)
            ]
        )

    def _final_reward(self, ended: Tensor, true: Tensor, length: Tensor) -> Tensor:
        """Return the reward (B,) of lanes that end at this step, and 0 for all others."""
        if ended.device.type != "cpu":  # To choose lanes would be to wait for a GPU.
            quality = sentence_bleu(self._written, length_of(self._written), true, length_of(true))
            lag = self.lagging(self._delays, self._written_count, length)
            return torch.where(ended, quality - self.delay_cost * lag, 0)
        lanes = ended.nonzero()[:, 0]
        reward = torch.zeros(len(ended), device=self.device)
        if not len(lanes):
            return reward
        count, true = self._written_count[lanes], true[lanes]
        written = self._written[lanes, : int(count.max())]
        quality = sentence_bleu(written, length_of(written), true, length_of(true))
        lag = self.lagging(self._delays[lanes], count, length[lanes])
        return reward.index_copy(0, lanes, quality - self.delay_cost * lag)

    def _whole_source(self) -> Tensor:
        """Return the whole sentences in the lanes, (B, L)."""
        return self._source.batch(self._example, self.longest).tokens

    def _observe(self) -> Observation:
        """Return the tokens read and written so far."""
        read = torch.arange(self.longest, device=self.device) < self._source_read[:, None]
        return {"source": self._whole_source().masked_fill(~read, PAD), "target": self._written}

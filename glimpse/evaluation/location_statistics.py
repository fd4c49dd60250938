"""Collector of the locations in an evaluation's episodes."""

from typing import Any

import torch
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.agents.episode import Episode
from glimpse.envs.images.picture_env import VisualEnv
from glimpse.evaluation.diagnostics import location_matters, measure_scanpath, recorded_locations
from glimpse.evaluation.scores import EpisodeStatistics


class LocationStatistics(EpisodeStatistics):
    """Collector of the episodes' locations; it collects nothing if the agent's location does not matter."""

    def __init__(self, agent: Agent, env: VisualEnv) -> None:
        """Make a collector without episodes."""
        self._agent, self._matters = agent, location_matters(agent, env)
        self._locations: list[tuple[Tensor, Tensor]] = []

    def add(self, episode: Episode, example: Tensor) -> None:
        """Add episodes on examples (E,)."""
        if self._matters:
            self._locations.append(recorded_locations(episode))

    def summary(self, greedy: bool) -> dict[str, Any]:
        """Return `scanpath`, the statistics of all locations; None if the agent's location does not matter."""
        if not self._locations:
            return {"scanpath": None}
        look, followed = (torch.cat(column, 1).cpu() for column in zip(*self._locations, strict=True))
        return {"scanpath": measure_scanpath(look, followed, sampled=self._agent.stochastic and not greedy)}

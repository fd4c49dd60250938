"""Losses of an update, for agents that learn from episodes, from labelled batches, or from both."""

from collections.abc import Iterator

from glimpse.agents.ability_questions import as_multi_updating
from glimpse.agents.agent import BatchAgent, EpisodeAgent, LearningAgent, PlayingBatchAgent
from glimpse.agents.episode import Batch, Episode, Loss


def needs_rollout(agent: LearningAgent) -> bool:
    """Return whether the next update is from episodes instead of a labelled batch."""
    return isinstance(agent, EpisodeAgent) or (isinstance(agent, PlayingBatchAgent) and agent.plays_next)


def losses(agent: LearningAgent, data: Episode | Batch) -> Iterator[Loss]:
    """Yield the loss of each update to make from the data; update the weights before the next one is drawn."""
    if isinstance(data, Batch):
        assert isinstance(agent, BatchAgent)
        yield agent.loss(data)
    elif isinstance(agent, PlayingBatchAgent):
        yield agent.policy_loss(data)
    elif (updating := as_multi_updating(agent)) is not None:
        yield from updating.updates(data)
    else:
        assert isinstance(agent, EpisodeAgent)
        yield agent.loss(data)

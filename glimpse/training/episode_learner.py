"""The learner of our own agents: play episodes, take the agent's losses, and update by AdamW."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from glimpse.agents.agent import LearningAgent
from glimpse.agents.episode import Episode, Loss
from glimpse.config.experiment import TrainOptions
from glimpse.envs.lanes import Core
from glimpse.runs.rollout import play, show
from glimpse.training.example_order import TrainingOrder
from glimpse.training.learner import Learner


class EpisodeLearner(Learner):
    """Learns from episodes, each batch once."""

    agent: LearningAgent

    def __init__(self, agent: LearningAgent, options: TrainOptions, device: torch.device) -> None:
        """Prepare to train `agent`, which lives on `device`."""
        groups = [{"params": params, "rate": rate} for params, rate in agent.learning_rates() if params]
        adam = torch.optim.AdamW(
            groups, lr=options.learning_rate, betas=options.betas, weight_decay=options.weight_decay, fused=True
        )
        super().__init__(agent, adam, options, device)
        if options.compile:
            agent.loss = torch.compile(agent.loss)  # type: ignore[method-assign]  # for this agent alone

    def advance(self, world: Core, order: TrainingOrder) -> dict[str, Tensor]:
        """Make one step: collect, and learn from it; see `learn` for what it gives and raises."""
        # Dropout draws from torch's own generator, which so depends on the step alone: a resumed run draws the same.
        # `torch.manual_seed` asks every kind of device, which takes longer than some of the step's arithmetic.
        torch.default_generator.manual_seed(order.noise(self.step))
        if self.device.type == "cuda":
            torch.cuda.manual_seed(order.noise(self.step))
        return self.learn(self.collect(world, order))

    def collect(self, world: Core, order: TrainingOrder) -> Episode:
        """Play the episodes of the next update."""
        example, key = order(self.step)
        if not self.agent.plays:
            return show(world, example, key)
        copies, one_in = self.options.copies, self.agent.plays_one_in
        # Examples of an update may be in order of length: those that are played are of all of them.
        example, key = example[::one_in], key[::one_in]
        greedy: Tensor | bool = False
        if self.agent.greedy_copy:
            greedy = torch.arange(len(example) * copies, device=key.device) % copies == 0
        with self.precision():
            return play(world, self.agent, example, key, copies=copies, greedy=greedy, record=True)

    def learn(self, episode: Episode) -> dict[str, Tensor]:
        """Make one step, of one update or of the several that the agent asks for, and give the last loss's terms.

        The learning rate is set before the step; what the agent itself follows (sigma) after it, so that the
        places of an episode are weighed by the density that they were drawn from.

        Raises:
            UserError: if the reward or a term of a loss is not finite; the weights are left as they were before it.
        """
        self._set_learning_rate()
        terms: dict[str, Tensor] = {}
        for loss in self._losses(episode):
            terms = {**loss.terms, "loss": loss.total.detach()}
            if self.agent.plays:
                terms["reward"] = episode.reward.sum(0).mean()
            self._refuse_nan(terms)
            loss.total.backward()
            self._update()
        self._finish_step()
        return terms

    def _losses(self, episode: Episode) -> Iterator[Loss]:
        """The agent's, each made in the networks' precision; what is done with it is not."""
        updates = self.agent.updates(episode)
        while True:
            with self.precision():
                loss = next(updates, None)
            if loss is None:
                return
            yield loss

    def precision(self) -> AbstractContextManager[Any]:
        """The context in which the networks run."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    def _set_learning_rate(self) -> None:
        factor = self._learning_rate()
        for group in self.optimiser.param_groups:
            group["lr"] = factor * group["rate"]

    @torch.no_grad()
    def _update(self) -> None:
        if self.options.clip:
            torch.nn.utils.clip_grad_norm_(self._weights[0], self.options.clip)
        self.optimiser.step()
        self.optimiser.zero_grad()

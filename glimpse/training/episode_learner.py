"""Learner of agents with a loss: collects episodes or labelled batches, and updates by gradients."""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from glimpse.agents.ability_questions import greedy_copy, rollout_one_in
from glimpse.agents.agent import LearningAgent
from glimpse.agents.data_parallel import LostRankError
from glimpse.agents.episode import Batch, Episode, Loss
from glimpse.agents.hidden_matrices import output_sizes
from glimpse.agents.update_losses import losses, needs_rollout
from glimpse.config.experiment import Experiment, TrainOptions
from glimpse.envs.core import BatchedEnv
from glimpse.errors import UserError
from glimpse.runs.rollout import labelled_batch, play
from glimpse.training.example_order import TrainingOrder
from glimpse.training.learner import Learner
from glimpse.training.optimisers import make_optimiser
from glimpse.training.ranks import ALONE, Ranks
from glimpse.training.shared_update import SharedUpdate


class EpisodeLearner(Learner):
    """Learner that takes the agent's losses and updates its weights by the gradients of these."""

    agent: LearningAgent

    def __init__(
        self, agent: LearningAgent, options: TrainOptions, device: torch.device, outputs: Collection[int] = ()
    ) -> None:
        """Prepare to train an agent.

        Args:
            agent: the agent, which lives on `device`.
            options: of the training.
            device: the device.
            outputs: numbers of units of the agent's output layers, which Muon does not train.
        """
        super().__init__(agent, make_optimiser(agent, options, outputs), options, device)
        self.shared = SharedUpdate(ALONE, agent, self._weights[0])
        if options.compile:
            vars(agent)["loss"] = torch.compile(agent.loss)  # For this agent alone.

    @property
    def torn(self) -> bool:
        """Whether a step was left after some of its updates, for want of another rank."""
        return self.shared.torn

    def join(self, ranks: Ranks) -> None:
        """Share each update with other processes."""
        self.shared = SharedUpdate(ranks, self.agent, self._weights[0])

    def advance(self, env: BatchedEnv, order: TrainingOrder) -> dict[str, Tensor]:
        """Make one step: collect, and learn from it; see `learn` for the result and errors."""
        # Dropout draws from torch's generator. Seeded by the step alone, a resumed run draws the same.
        # `torch.manual_seed` asks every kind of device, which takes longer than some of the step's arithmetic.
        noise = self.shared.ranks.noise(order.noise(self.step))
        torch.default_generator.manual_seed(noise)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(noise)
        return self.learn(self.collect(env, order))

    def collect(self, env: BatchedEnv, order: TrainingOrder) -> Episode | Batch:
        """Return this rank's data of the next update: a labelled batch, or episodes played now."""
        example, key = order(self.step)
        if not needs_rollout(self.agent):
            return labelled_batch(env, *self.shared.take(example, key))
        copies, one_in = self.options.copies, rollout_one_in(self.agent)
        # Examples may be in order of length, so those that are played are spread over all of them.
        example, key = self.shared.take(example[::one_in], key[::one_in])
        greedy: Tensor | bool = False
        if greedy_copy(self.agent):
            greedy = torch.arange(len(example) * copies, device=self.device) % copies == 0
        with self.precision():
            return play(env, self.agent, example, key, copies=copies, greedy=greedy, record=True)

    def learn(self, data: Episode | Batch) -> dict[str, Tensor]:
        """Make one step, of one or more updates as the agent asks for; return the last loss's terms and `grad_norm`.

        The learning rate is set before the step; the agent's own schedule (sigma) advances after it, so that the
        locations of an episode are weighed by the density that they were drawn from.

        Raises:
            UserError: if the reward or a term of a loss is not finite; the weights are left as they were before it.
            LostRankError: if another rank has ended; they are left so, too, unless `shared.torn` says that some of the
                step's updates were made.
        """
        self._set_learning_rate()
        terms: dict[str, Tensor] = {}
        self.shared.torn = False
        try:
            # One update for each loss: one of most agents, several epochs of PPO.
            for loss in self._losses(data):
                terms = {**loss.terms, "loss": loss.total.detach(), **data.metrics()}
                self._refuse_nan(terms)
                if not loss.total.requires_grad:
                    raise UserError("train.freeze: the loss depends on frozen parts alone; leave out some of them")
                terms = self.shared.backward(loss.total, terms)
                terms["grad_norm"] = self._update()
                self.shared.torn = True
        except LostRankError:
            self.shared.undo()
            raise
        self.shared.torn = False
        # Advance the averaged weights and the agent's schedules.
        self._finish_step()
        return terms

    def _losses(self, data: Episode | Batch) -> Iterator[Loss]:
        """Yield the agent's losses, computed in the networks' precision; the backward pass runs outside of it."""
        updates = losses(self.agent, data)
        while True:
            with self.precision(), self.shared.computing():
                loss = next(updates, None)
            if loss is None:
                return
            yield loss

    def precision(self) -> AbstractContextManager[Any]:
        """Return the autocast context of the networks."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    def _set_learning_rate(self) -> None:
        factor = self._learning_rate()
        for group in self.optimiser.param_groups:
            group["lr"] = factor * group["rate"]

    @torch.no_grad()
    def _update(self) -> Tensor:
        """Update the weights, and return the norm of the gradient before it is clipped."""
        weights = self._weights[0]
        if self.options.max_grad_norm:
            norm = torch.nn.utils.clip_grad_norm_(weights, self.options.max_grad_norm)
        else:
            norm = torch.nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None])
        self.optimiser.step()
        self.optimiser.zero_grad()
        return norm


def make_episode_learner(agent: LearningAgent, experiment: Experiment, env: BatchedEnv) -> EpisodeLearner:
    """Make the learner of an experiment's agent."""
    return EpisodeLearner(agent, experiment.train, env.device, output_sizes(env.action_space))

"""Base class of learners: an agent with its optimiser, learning-rate schedule and averaged weights."""

import copy
import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from glimpse.agents.agent import Agent
from glimpse.config.experiment import TrainOptions
from glimpse.envs.core import BatchedEnv
from glimpse.errors import UserError
from glimpse.runs.build import set_product_precision, use_bfloat16
from glimpse.training.budget import Budget, Updates
from glimpse.training.example_order import TrainingOrder
from glimpse.training.optimiser_state import check_optimiser_state
from glimpse.training.optimisers import Optimiser
from glimpse.training.ranks import Ranks


class Learner(ABC):
    """Agent in training, after `step` steps of a budget."""

    agent: Agent
    budget: Budget | None
    """Amount of training; None until the training gives one, for a budget of time."""

    def __init__(self, agent: Agent, optimiser: Optimiser, options: TrainOptions, device: torch.device) -> None:
        """Prepare to train `agent`, which lives on `device`, with an optimiser of its parameters."""
        self.agent, self.options, self.device = agent, options, device
        self.averaged = copy.deepcopy(agent).requires_grad_(False).eval()
        self.optimiser = optimiser
        self.step = 0
        self.budget = Updates(options.steps) if options.steps else None
        # Walking through the modules anew takes as long as the arithmetic on such small tensors.
        both = zip(agent.parameters(), self.averaged.parameters(), strict=True)
        pairs: list[tuple[Tensor, Tensor]] = [pair for pair in both if pair[0].requires_grad]  # The others are frozen.
        self._weights = [current for current, _ in pairs], [average for _, average in pairs]
        self._buffers = list(zip(self.averaged.buffers(), agent.buffers(), strict=True))
        self.bfloat16 = use_bfloat16(options.precision, device)
        set_product_precision(options.precision, device)

    @property
    def progress(self) -> float:
        """Fraction of training done, in [0, 1]."""
        return self.budget.progress(self.step) if self.budget else 0.0

    @property
    def done(self) -> bool:
        """True once the budget is spent."""
        return self.progress >= 1

    @property
    def torn(self) -> bool:
        """Whether a step was left after some of its updates, so that its weights are not to be saved."""
        return False

    def join(self, ranks: Ranks) -> None:
        """Share each update with other processes.

        Raises:
            UserError: if this learner cannot.
        """
        if ranks.size > 1:
            raise UserError("Stable-Baselines3 trains in one process: start this agent without torchrun")

    @abstractmethod
    def advance(self, env: BatchedEnv, order: TrainingOrder) -> dict[str, Tensor]:
        """Make one step: collect, and learn from it.

        Returns:
            Metrics, scalars by name.

        Raises:
            UserError: if one of them is not finite.
        """

    def _learning_rate(self) -> float:
        """Return the learning rate of this step, before each parameter group's own multiple."""
        options, done = self.options, self.progress
        warm = min(1.0, (self.step + 1) / options.warmup) if options.warmup else 1.0
        span = options.learning_rate - options.final_learning_rate
        match options.schedule:
            case "constant":
                return options.learning_rate * warm
            case "cosine":
                return warm * (options.final_learning_rate + span * (1 + math.cos(math.pi * done)) / 2)
            case "noam":  # Vaswani et al. (2017, equation 3), with the peak learning rate given instead of the width.
                return options.learning_rate * min(warm, math.sqrt(max(1, options.warmup) / (self.step + 1)))
            case "one_cycle":  # Smith and Topin (2018): up over the first 30 %, then down along a cosine.
                if done < 0.3:
                    return options.learning_rate * (0.04 + 0.96 * (1 - math.cos(math.pi * done / 0.3)) / 2)
                return options.final_learning_rate + span * (1 + math.cos(math.pi * (done - 0.3) / 0.7)) / 2

    def _refuse_nan(self, terms: dict[str, Tensor]) -> None:
        """Raise UserError if a term is not finite. On a GPU, where this waits, only logged steps are checked."""
        if self.device.type != "cpu" and self.step % self.options.log_every:
            return
        finite = torch.isfinite(torch.stack(list(terms.values()))).tolist()
        if not all(finite):
            raise self.not_finite([name for name, good in zip(terms, finite, strict=True) if not good])

    def refuse_bad_weights(self) -> None:
        """Raise UserError if a weight, or an averaged one, is not finite."""
        both = {**self.averaged.state_dict(), **self.agent.state_dict()}
        bad = [name for name, value in both.items() if not value.isfinite().all()]
        if bad:
            raise self.not_finite(bad)

    def not_finite(self, names: list[str]) -> UserError:
        """Return the error that numbers are not finite at this step."""
        return UserError(
            f"step {self.step}: {_listed(names)} not finite; training stopped, and what it saved before is good. "
            "Try a lower train.learning_rate, train.max_grad_norm=1, or train.precision=float32."
        )

    @torch.no_grad()
    def _finish_step(self) -> None:
        # The decay grows from 0.1, so that the first random weights are soon forgotten.
        decay = min(self.options.ema_decay, (1 + self.step) / (10 + self.step))
        current, averaged = self._weights
        torch._foreach_lerp_(averaged, current, 1 - decay)
        self.step += 1
        self.agent.set_progress(self.progress)
        for kept, buffer in self._buffers:
            kept.copy_(buffer)

    def state(self) -> dict[str, Any]:
        """Return the state that a resumed run needs beside the averaged weights: tensors and numbers only.

        Raises:
            UserError: if a weight is not finite; it must not be saved.
        """
        self.refuse_bad_weights()
        return {
            "step": self.step,
            "agent": self.agent.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, weights: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Continue exactly from a checkpoint.

        Raises:
            ValueError: if the state is not one of this learner (or whatever else torch raises).
        """
        self.averaged.load_state_dict(weights)
        self.agent.load_state_dict(state["agent"])
        check_optimiser_state(self.optimiser, state["optimiser"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]


def _listed(names: list[str]) -> str:
    """List names, of which at most five are spelled out."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more

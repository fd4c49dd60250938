"""Optimisers of a training: AdamW, SGD, or Muon for matrices between hidden layers with AdamW for all else."""

from collections.abc import Collection
from inspect import unwrap
from itertools import islice
from typing import Any, Protocol, TypeVar, cast

import torch
from torch import Tensor

from glimpse.agents.agent import LearningAgent
from glimpse.agents.hidden_matrices import hidden_matrices
from glimpse.config.experiment import TrainOptions
from glimpse.errors import UserError

Groups = list[dict[str, Any]]
Kind = TypeVar("Kind", bound=torch.optim.Optimizer)
_WRAPPED = ("add_param_group", "load_state_dict", "state_dict", "step", "zero_grad")


class Optimiser(Protocol):
    """What a learner needs of an optimiser: that of torch's, or of several of them."""

    @property
    def param_groups(self) -> Groups:
        """Groups of parameters with their options."""

    def step(self) -> Any:
        """Update the parameters."""

    def zero_grad(self) -> None:
        """Forget the gradients."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state, in which parameters are numbered in the order of the groups."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""


class JoinedOptimisers:
    """Several optimisers of different parameters, as one."""

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        """Join optimisers."""
        self.parts = parts

    @property
    def param_groups(self) -> Groups:
        """Groups of all of them, in their order."""
        return [group for part in self.parts for group in part.param_groups]

    def step(self) -> None:
        """Update all parameters."""
        for part in self.parts:
            part.step()

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for part in self.parts:
            part.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Return the states of all as one, with all parameters numbered in their order."""
        groups: Groups = []
        state: dict[int, Any] = {}
        for part in self.parts:
            own, first = part.state_dict(), sum(len(group["params"]) for group in groups)
            groups += [
                {**group, "params": [first + number for number in group["params"]]} for group in own["param_groups"]
            ]
            state |= {first + number: moments for number, moments in own["state"].items()}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that `state_dict` returned."""
        groups = iter(state["param_groups"])
        for part in self.parts:
            own = list(islice(groups, len(part.param_groups)))
            numbers = {number for group in own for number in group["params"]}
            moments = {number: value for number, value in state["state"].items() if number in numbers}
            part.load_state_dict({"state": moments, "param_groups": own})


def make_optimiser(agent: LearningAgent, options: TrainOptions, outputs: Collection[int]) -> Optimiser:
    """Make the optimiser of a config for the parameters that are not frozen, with each group's share of the rate.

    Args:
        agent: the agent.
        options: of the training.
        outputs: numbers of units of the agent's output layers; see `glimpse.agents.hidden_matrices`.

    Raises:
        UserError: if torch does not have the optimiser.
    """
    groups = _groups([(list(params), rate) for params, rate in agent.learning_rates()])
    match options.optimizer:
        case "adamw":
            return _adamw(groups, options)
        case "sgd":
            return _uncompiled(torch.optim.SGD, *_WRAPPED)(
                groups, lr=options.learning_rate, momentum=options.momentum, weight_decay=options.weight_decay
            )
        case "muon":
            return _muon(agent, groups, options, outputs)


def _uncompiled(kind: type[Kind], *methods: str) -> type[Kind]:
    """Return an optimiser's class, some of whose methods do not import `torch._dynamo`, which takes as long as torch.

    torch wraps them to keep its compiler from tracing them. Only the loss is ever compiled here, and a learner updates
    the weights without gradients, so that the methods themselves suffice.
    """
    return cast(type[Kind], type(kind.__name__, (kind,), {name: unwrap(getattr(kind, name)) for name in methods}))


def _groups(rates: list[tuple[list[torch.nn.Parameter], float]]) -> Groups:
    """Return the groups of parameters that are not frozen, without empty ones."""
    trained = [([each for each in params if each.requires_grad], rate) for params, rate in rates]
    return [{"params": params, "rate": rate} for params, rate in trained if params]


class QuickAdamW(torch.optim.AdamW):
    """AdamW by its fused kernel alone, without torch's checks and hooks around it, for which small networks wait."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # Nothing here computes a loss again.
        """Update the parameters that have gradients."""
        for group in self.param_groups:
            params = [each for each in group["params"] if each.grad is not None]
            if not params:
                continue
            states = [self.state[each] or self._begin(each) for each in params]
            steps = [state["step"] for state in states]
            torch._foreach_add_(steps, 1)
            torch._fused_adamw_(
                params,
                [each.grad for each in params],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                steps,
                lr=group["lr"],
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                amsgrad=False,
                maximize=False,
            )

    def _begin(self, parameter: Tensor) -> dict[str, Tensor]:
        """Make the state of a parameter, as torch does."""
        state: dict[str, Tensor] = self.state[parameter]
        state["step"] = torch.zeros((), device=parameter.device)
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        return state


def _adamw(groups: Groups, options: TrainOptions) -> torch.optim.AdamW:
    return _uncompiled(QuickAdamW, "add_param_group", "load_state_dict", "state_dict", "zero_grad")(
        groups, lr=options.learning_rate, betas=options.betas, weight_decay=options.weight_decay, fused=True
    )


def _muon(agent: LearningAgent, groups: Groups, options: TrainOptions, outputs: Collection[int]) -> Optimiser:
    """Make Muon for the hidden matrices, at AdamW's size of updates (Liu et al., 2025), and AdamW for the rest."""
    if not hasattr(torch.optim, "Muon"):
        raise UserError(
            f"train.optimizer: torch {torch.__version__} has no Muon, which came with torch 2.9; give adamw or sgd"
        )
    hidden = {id(matrix) for matrix in hidden_matrices(agent, outputs)}
    matrices, others = (
        _groups(
            [([each for each in group["params"] if (id(each) in hidden) == inside], group["rate"]) for group in groups]
        )
        for inside in (True, False)
    )
    if not matrices:
        raise UserError("train.optimizer: no matrix between hidden layers is trained, which Muon is for; give adamw")
    muon = _uncompiled(torch.optim.Muon, *_WRAPPED)(
        matrices,
        lr=options.learning_rate,
        momentum=options.momentum,
        weight_decay=options.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )
    return JoinedOptimisers(muon, *([_adamw(others, options)] if others else []))

"""Weights of classes in the cross-entropy, `task.class_weights` in a config."""

from typing import Any

import torch
from torch import Tensor

from glimpse.agents.ability_questions import weigh_classes
from glimpse.config.experiment import Experiment
from glimpse.envs.core import counts_classes
from glimpse.errors import UserError


def give_class_weights(agent: Any, experiment: Experiment, env: Any) -> None:
    """Give an agent the weights of classes that its task asks for; nothing is done where it asks for none.

    Args:
        agent: an agent before its training.
        experiment: its config.
        env: environment of its training data, which `balanced` counts.

    Raises:
        UserError: if there is no such class, or no agent that can weigh classes.
    """
    given = getattr(experiment.task, "class_weights", None)
    if given is None:
        return
    counts = env.class_counts() if counts_classes(env) else {}
    if not counts:
        raise UserError("task.class_weights: the labels of this task are no classes: leave it out")
    weights = balanced_weights(counts) if given == "balanced" else _given_weights(given, counts)
    if not weigh_classes(agent, weights.to(env.device)):
        raise UserError(f"task.class_weights: agent {experiment.agent.name!r} cannot weigh classes: leave it out")


def balanced_weights(counts: dict[str, int]) -> Tensor:
    """Return N / (C n) for a class with n of N examples, as scikit-learn's `balanced`; 1 for one without examples.

    Their mean over the examples is 1.
    """
    there = sum(count > 0 for count in counts.values())
    total = sum(counts.values())
    return torch.tensor([total / (there * count) if count else 1.0 for count in counts.values()])


def _given_weights(given: dict[str, float], counts: dict[str, int]) -> Tensor:
    """Return the weights that a config names, and 1 for all other classes."""
    if unknown := [name for name in given if name not in counts]:
        known = ", ".join(map(repr, list(counts)[:20])) + (", ..." if len(counts) > 20 else "")
        raise UserError(f"task.class_weights: there is no class {unknown[0]!r}; the classes are {known}")
    return torch.tensor([float(given.get(name, 1.0)) for name in counts])

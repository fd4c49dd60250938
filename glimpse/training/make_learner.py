"""Learner of a config's agent: our own, or Stable-Baselines3's."""

from collections.abc import Callable
from pkgutil import resolve_name

from glimpse.agents import AGENTS
from glimpse.agents.ability_questions import imitates
from glimpse.config.experiment import Experiment
from glimpse.envs.core import BatchedEnv
from glimpse.errors import UserError
from glimpse.runs.build import make_agent
from glimpse.runs.copied_weights import begin_with
from glimpse.runs.earlier_run import EarlierRun
from glimpse.training.class_weights import give_class_weights
from glimpse.training.frozen_parts import freeze_parts
from glimpse.training.learner import Learner

LEARNERS = {
    "gradient": "glimpse.training.episode_learner:make_episode_learner",
    "sb3": "glimpse.training.sb3_learner:make_sb3_learner",
}
"""Factories by `AgentEntry.learner`, imported when needed: Stable-Baselines3 takes two seconds."""


def make_learner(
    experiment: Experiment, env: BatchedEnv, earlier: EarlierRun | None, say: Callable[[str], None]
) -> Learner:
    """Make the learner that a config's agent asks for.

    Args:
        experiment: the config.
        env: environment of the training data.
        earlier: the run with whose weights training begins; None for random ones.
        say: prints a line for the user.

    Raises:
        UserError: if the weights do not fit the agent, or a class that is to be weighed, a part that is to be frozen or
            what is to be imitated is not there.
    """
    agent = make_agent(experiment, env, trained=True)
    if imitates(agent) and not getattr(env, "knows_right", True):
        data = getattr(experiment.task, "data", experiment.task.name)
        raise UserError(
            f"agent.imitation.of=evidence needs `evidence`, which no question of {data} has; use "
            "agent.imitation.until=0 or agent.imitation.of=ranker"
        )
    give_class_weights(agent, experiment, env)
    if earlier is not None:
        say(begin_with(earlier, agent, experiment, env))
    if frozen := freeze_parts(agent, experiment.train.freeze):
        say(frozen)
    learner: Learner = resolve_name(LEARNERS[AGENTS[experiment.agent.name].learner])(agent, experiment, env)
    return learner

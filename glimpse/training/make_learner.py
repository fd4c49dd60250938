"""Learner of a config's agent: our own, or Stable-Baselines3's."""

from pkgutil import resolve_name

from glimpse.agents import AGENTS
from glimpse.config.experiment import Experiment
from glimpse.envs.core import BatchedEnv
from glimpse.runs.build import make_agent
from glimpse.training.learner import Learner

LEARNERS = {
    "gradient": "glimpse.training.episode_learner:make_episode_learner",
    "sb3": "glimpse.training.sb3_learner:make_sb3_learner",
}
"""Factories by `AgentEntry.learner`, imported when needed: Stable-Baselines3 takes two seconds."""


def make_learner(experiment: Experiment, env: BatchedEnv) -> Learner:
    """Make the learner that a config's agent asks for."""
    agent = make_agent(experiment, env, trained=True)
    learner: Learner = resolve_name(LEARNERS[AGENTS[experiment.agent.name].learner])(agent, experiment, env)
    return learner

"""What an agent does by the share of training that is done, when a run is resumed."""

import copy

import pytest
import torch

from glimpse.agents.agent import LearningAgent
from glimpse.config.experiment import TrainOptions
from glimpse.envs.core import BatchedEnv
from glimpse.training.episode_learner import EpisodeLearner
from glimpse.training.example_order import TrainingOrder
from tests.agents.text.test_evidence_reader import make as make_reader
from tests.agents.vision.test_look_teacher import make_world

IMITATION = {"imitation": {"until": 0.5}}


def made(agent: str) -> tuple[LearningAgent, BatchedEnv]:
    """Return an agent that imitates a teacher for half of its training, and its environment."""
    return make_reader(IMITATION) if agent == "reader" else make_world(IMITATION)


@pytest.mark.parametrize("agent", ["reader", "looks"])
@pytest.mark.parametrize("stopped", [1, 3])
def test_a_teacher_is_followed_as_in_a_run_in_one_go(agent: str, stopped: int) -> None:
    """Stopped while it imitates, and after it: of four updates the first two imitate, and all weights are the same."""
    options = TrainOptions.model_validate({"steps": 4, "batch": 4, "copies": 2, "precision": "float32"})
    cpu, found = torch.device("cpu"), []
    for updates in (4, stopped):
        net, env = made(agent)
        order, learner = TrainingOrder(env.examples, 4, seed=0, device=cpu), EpisodeLearner(net, options, cpu)
        terms = [learner.advance(env, order) for _ in range(updates)]
        if updates < 4:
            kept = copy.deepcopy((learner.averaged.state_dict(), learner.state()))
            net, env = made(agent)
            learner = EpisodeLearner(net, options, cpu)
            learner.restore(*kept)
            terms += [learner.advance(env, order) for _ in range(4 - updates)]
        assert ["imitation" in each for each in terms] == [True, True, False, False]
        found.append(net.state_dict())
    assert all(torch.equal(value, found[1][name]) for name, value in found[0].items())

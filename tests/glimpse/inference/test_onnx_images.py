"""Tests of exported agents for images: onnxruntime and torch agree over whole episodes."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from glimpse.agents import AGENTS
from glimpse.config.files import load_experiment
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.images.classification import Classification
from glimpse.envs.images.digit_pair import DigitPair
from glimpse.envs.images.image_data import ImageData
from glimpse.errors import UserError
from glimpse.inference.onnx_export import graph_of
from glimpse.runs.build import make_agent
from glimpse.runs.rollout import play

# What the exporter does at its first use, it does in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("export")

SMALL = ["agent.memory_width=16", "agent.feature_width=12", "agent.glimpse_width=8"]
SCENE = ["task.canvas.size=24", "task.canvas.kind=translated"]
RUNS = {
    "ram": ["translated-ram", *SMALL, "task.canvas.size=30"],
    "ram that stops": ["mnist-stop-01", *SMALL, "agent.recurrent_core=gru"],
    "path": ["mnist-path", *SMALL, "agent.recurrent_core=lstm"],
    "random": ["mnist-random", *SMALL],
    "centre": ["mnist-centre", *SMALL],
    "raster": ["mnist-raster", *SMALL],
    "dram": ["digit-pair-dram", *SMALL, "task.size=60", "agent.context_filters=3"],
    "grid": ["cluttered-soft", *SMALL, *SCENE, "agent.attention_width=8"],
    "grid, hard": ["cluttered-hard-grid", *SMALL, *SCENE],
    "draw": ["cluttered-draw", *SMALL, *SCENE, "task.glimpses=2"],
    "mlp": ["mnist-mlp", "agent.widths=[8]"],
    "conv": ["translated-conv", *SCENE, "agent.width=8"],
    "cnn": ["mnist-cnn", "agent.widths=[4,6]"],
}
"""Runs that can be exported, as words of a command line, by the agent's name."""


def untrained(words: list[str]) -> Any:
    """Return a run of an agent with random weights; nothing is trained or read."""
    experiment = load_experiment(words[0], words[1:])
    images = torch.randint(0, 256, (6, 1, 12, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    data = ImageData(images, torch.arange(6) % 3, ("cat", "dog", "owl"))
    env = {"digit-pair": DigitPair}.get(experiment.task.name, Classification)(experiment.task, data)  # type: ignore[arg-type]
    agent = make_agent(experiment, env).eval().requires_grad_(False)
    for weight in agent.parameters():  # Untrained layers end in zeros here and there, which would agree in any graph.
        weight += torch.randn_like(weight) * 0.25
    return SimpleNamespace(experiment=experiment, agent=agent, env=env)


def step_by_step(session: Any, facts: dict[str, Any], picture: Any, episode: Any) -> tuple[Any, Any]:
    """Play an episode with onnxruntime alone, and return its probabilities (T, B, N) and locations (T, B, 2)."""
    names = [given.name for given in session.get_inputs()]
    memory = np.zeros((len(picture), session.get_inputs()[3].shape[1]), np.float32)
    location = episode.observation["location"][0].numpy()
    answers, looks = [], []
    for time in range(facts["steps"]):
        looks.append(location)
        fed = {"picture": picture, "location": location, "memory": memory}
        fed["time"] = np.full(len(picture), time)
        if "noise" in names:
            fed["noise"] = (torch.erfinv(episode.action["look"][time]) * 2**0.5).numpy()
        found, location, memory, *_ = session.run(None, fed)
        answers.append(found)
    return np.stack(answers), np.stack(looks)


@pytest.mark.parametrize("name", RUNS)
def test_whole_episodes_agree(name: str, export: Any) -> None:
    """Class probabilities and locations of greedy episodes are torch's, within 1e-4, from the picture's bytes on."""
    run = untrained(RUNS[name])
    graph, session = export(run)
    episode = play(run.env, run.agent, torch.arange(5), torch.arange(5), greedy=True)
    belief, picture = episode.answer.softmax(-1).numpy(), run.env.picture().numpy()
    if len(graph.inputs) == 1:
        found, looks = session.run(None, {"picture": picture})
        np.testing.assert_allclose(found.swapaxes(0, 1), belief, atol=1e-4)
        wanted = episode.action["look"].numpy()
        np.testing.assert_allclose(looks.swapaxes(0, 1), wanted, atol=1e-4)
    else:
        assert ("stop" in [port.name for port in graph.outputs]) == ("stops" in name)
        found, looks = step_by_step(session, graph.facts, picture, episode)
        playing = episode.step_mask.numpy()  # What follows a stop is not played.
        np.testing.assert_allclose(found[playing], belief[playing], atol=1e-4)
        np.testing.assert_allclose(looks[playing], episode.observation["location"].numpy()[playing], atol=1e-4)
    assert belief.std(1).max() > 1e-3  # Pictures are told apart, so that a wrong one would be seen.


@pytest.mark.parametrize("name", sorted(AGENTS))
def test_every_agent_is_exported_or_refuses(name: str) -> None:
    """What is not exported is refused in a line that names it, whatever its family."""
    if any(known.split(",")[0].split(" ")[0] == name for known in RUNS):
        return
    if "text" in AGENTS[name].kinds or name == "transformer":
        return  # Their own tests.
    task = next(task for task, entry in ENVIRONMENTS.items() if entry.kind in AGENTS[name].kinds)
    run: Any = SimpleNamespace(agent=None, env=None)
    run.experiment = SimpleNamespace(agent=SimpleNamespace(name=name), task=SimpleNamespace(name=task))
    with pytest.raises(UserError, match=f"^{name} cannot be exported: [^\n]*$"):
        graph_of(run)

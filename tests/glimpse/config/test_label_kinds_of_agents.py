"""Which agent may be given which labels: every other one is refused in its config, with the key to type."""

from pkgutil import resolve_name

import pytest

from glimpse.agents import AGENTS
from glimpse.config.experiment import Experiment
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.options import TaskOptions

LABELS = ("classes", "scores", "many")
ASKING = {name: row for name, row in ENVIRONMENTS.items() if row.kind in ("classification", "text", "skim", "select")}
"""Environments with the option `labels`, of which those of a kind have the same options."""
EACH_KIND = {row.kind: name for name, row in ASKING.items()}


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("agent", AGENTS)
def test_an_agent_answers_what_it_says(agent: str, labels: str) -> None:
    """An experiment is valid if the agent lists the labels and the environment asks for them, and refused otherwise."""
    for kind in AGENTS[agent].kinds:
        if kind not in EACH_KIND:
            continue
        task = {"name": EACH_KIND[kind], "data": "file:t.csv", "labels": labels, **AGENTS[agent].task}
        given = {"task": task, "agent": {"name": agent}, "train": {"steps": 1}}
        asked = labels == "classes" or kind in ("classification", "text")
        if asked and labels in AGENTS[agent].labels:
            assert Experiment.model_validate(given).task.name == EACH_KIND[kind]
            continue
        message = f"because task.labels is '{labels}'" if asked else "should be 'classes' because task.name is"
        with pytest.raises(ValueError, match=message):
            Experiment.model_validate(given)


def test_the_refusal_names_agents_that_can() -> None:
    """Of the environment's kind."""
    given = {"task": {"name": "images", "data": "file:t.csv", "labels": "scores"}, "train": {"steps": 1}}
    with pytest.raises(ValueError, match=r"should be one of 'ram', 'path', .*'cnn' because .* \(got 'sb3-ppo'\)"):
        Experiment.model_validate({**given, "agent": {"name": "sb3-ppo"}})


@pytest.mark.parametrize("agent", [{"name": "ram"}, {"name": "cnn"}, {"name": "reader"}])
def test_scores_are_not_smoothed(agent: dict[str, str]) -> None:
    """And have no probability that could be the policy reward; of several labels both mean something."""
    of_text = agent["name"] == "reader"
    task = {"name": "text" if of_text else "images", "data": "file:t.csv", **AGENTS[agent["name"]].task}
    for key, value in (("label_smoothing", 0.1), ("policy_reward", "probability")):
        if key == "policy_reward" and agent["name"] != "ram":
            continue
        given = {"agent": {**agent, key: value}, "train": {"steps": 1}}
        Experiment.model_validate({**given, "task": {**task, "labels": "many"}})
        with pytest.raises(ValueError, match="because task.labels is 'scores'"):
            Experiment.model_validate({**given, "task": {**task, "labels": "scores"}})


def test_every_environment_with_labels_is_known_here() -> None:
    """So that a new one is asked too; those without the option ask for what they say."""
    models = {name: resolve_name(row.options) for name, row in ENVIRONMENTS.items()}
    assert {name for name, model in models.items() if "labels" in model.model_fields} == set(ASKING)
    assert all(issubclass(model, TaskOptions) for model in models.values())

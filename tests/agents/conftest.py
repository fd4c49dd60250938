"""Small agents of the registry, each with an environment that it fits."""

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
import torch

from glimpse.agents import AGENTS
from glimpse.agents.agent import Agent
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.images.picture_env import VisualEnv

SMALL: dict[str, Any] = {
    "glimpse_width": 6,
    "location_width": 6,
    "feature_width": 8,
    "memory_width": 8,
    "attention_width": 6,
    "widths": (6, 8),
    "width": 6,
    "heads": 2,
    "sentence_width": 4,
    "patch": 4,
    "stride": 3,
    "layers": ({"filters": 2, "size": 3, "stride": 2},),
}
"""Options smaller than the defaults; each agent takes those that it has."""
QUESTIONS = Path(__file__).parents[1] / "envs" / "documents" / "questions.jsonl"
OPINIONS = Path(__file__).parents[1] / "envs" / "text" / "opinions.tsv"


def small_options(agent: str) -> dict[str, Any]:
    """Return those of the small options that an agent has."""
    translates = {"translation", "simultaneous translation"} & {*AGENTS[agent].kinds}
    sizes = {**SMALL, "embedding_width": 6, "output_width": 6, "layers": 1} if translates else SMALL
    known = resolve_name(AGENTS[agent].options).model_fields
    return {key: value for key, value in sizes.items() if key in known}


def make(agent: str, env: str, agent_options: Any, task_options: Any) -> tuple[Agent, VisualEnv]:
    """Make a small agent and its environment, with small data such as scikit-learn's digits."""
    row, named = ENVIRONMENTS[env], AGENTS[agent]
    model = resolve_name(row.options)
    given = {"data": "digits", "photographs": "scikit-learn", "glimpses": 3, "screen": 8}
    given |= {**task_options, **named.task}
    if row.kind == "find":
        given |= {"data": "cells", "object": "ring"}
    translates = row.kind in ("translation", "simultaneous translation")
    if translates:
        given |= {
            "data": "reverse",
            "strings": 40,
            "longest": 8,
            "max_tokens": 10,
            "tokenizer": "words",
            **task_options,
        }
    if row.kind == "evidence":
        given = {"vectors": "none", "words": 500, "candidates": 4, "opens": 2, "others": 3, "max_question": 16}
        given |= {"max_words": 12, "preview": 10, "min_count": 1, **task_options}
        if "data" in model.model_fields:
            given = {"data": f"file:{QUESTIONS}", **given}
    if row.kind in ("text", "skim", "select"):
        given |= {"data": f"file:{OPINIONS}", "vectors": "none", **task_options}
    task = model.model_validate({"name": env} | {key: given[key] for key in given if key in model.model_fields})
    env_class = resolve_name(row.environment)
    made_env = env_class(task, env_class.load_data(task, "train"))
    checked = resolve_name(named.options).model_validate({"name": agent, **small_options(agent), **agent_options})
    torch.manual_seed(0)
    return resolve_name(named.factory)(checked, made_env.observation_space, made_env.action_space), made_env


@pytest.fixture
def make_small() -> Callable[[str, str, dict[str, Any], dict[str, Any]], tuple[Agent, VisualEnv]]:
    """Return a function that makes a small agent and its environment, by their names and options."""
    return make

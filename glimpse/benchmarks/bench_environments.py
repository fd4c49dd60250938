"""Benchmark of environments: steps per second through each interface."""

from collections.abc import Callable
from typing import Any, Literal, cast

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from glimpse.benchmarks.bench_settings import fastest
from glimpse.benchmarks.stopwatch import Stopwatch
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.make_batched import make_batched_env
from glimpse.runs.threads import set_threads

FACE_OPTIONS: dict[str, dict[str, Any]] = {"digits": {"retina": {"patch": 8}, "glimpses": 6}, "catch": {}}


def bench_environment(watch: Stopwatch) -> None:
    """Measure environment steps per second through each interface.

    These are the batched environment, the vector environment, single environments in a SyncVectorEnv, and the adapter
    for Stable-Baselines3.
    """
    set_threads(fastest(watch.device, watch.quick).threads)
    for lanes in (64, 1024):
        rate = watch.rate(_env_steps(watch, "digits", lanes))
        watch.add("environment", f"batched environment, {lanes} lanes", rate, "steps/s")
        watch.add(
            "environment", f"vector environment, {lanes} lanes", watch.rate(_vector_steps("digits", lanes)), "steps/s"
        )
        watch.add("environment", f"SB3 adapter, {lanes} lanes", watch.rate(_adapter_steps(lanes)), "steps/s")
    watch.add("environment", "SyncVectorEnv, 64 lanes", watch.rate(_vector_steps("digits", 64, "sync")), "steps/s")
    for lanes in (64, 1024):
        rate = watch.rate(_env_steps(watch, "catch", lanes))
        watch.add("environment", f"Catch, batched environment, {lanes} lanes", rate, "steps/s")
    watch.add("environment", "Catch, vector environment, 64 lanes", watch.rate(_vector_steps("catch", 64)), "steps/s")
    watch.add(
        "environment", "Catch, SyncVectorEnv, 64 lanes", watch.rate(_vector_steps("catch", 64, "sync")), "steps/s"
    )


def _env_steps(watch: Stopwatch, name: str, lanes: int) -> Callable[[], int]:
    """Return a function that plays an episode of a batched environment, with random actions drawn beforehand."""
    env = make_batched_env(name, device=str(watch.device), **FACE_OPTIONS[name])
    lane = torch.arange(lanes, device=watch.device)
    sample = batch_space(env.action_space, lanes).sample()
    action = {part: torch.as_tensor(chosen, device=watch.device) for part, chosen in sample.items()}
    steps = int(cast(spaces.Discrete, env.observation_space["time"]).n) - 1

    def episode() -> int:
        env.reset(env.draw_example(lane), lane)
        for _ in range(steps):
            env.step(action)
        return lanes * steps

    return episode


def _vector_steps(name: str, lanes: int, mode: Literal["sync"] | None = None) -> Callable[[], int]:
    """Return a function that steps a Gymnasium vector environment: the batched one, or a SyncVectorEnv."""
    envs = gym.make_vec(ENVIRONMENTS[name].id, num_envs=lanes, vectorization_mode=mode, **FACE_OPTIONS[name])
    envs.reset(seed=0)
    action = envs.action_space.sample()

    def step() -> int:
        envs.step(action)
        return lanes

    return step


def _adapter_steps(lanes: int) -> Callable[[], int]:
    """Return a function that steps the Stable-Baselines3 adapter."""
    from glimpse.envs.faces.stable_baselines3_face import make_sb3_env

    envs = make_sb3_env("digits", lanes, **FACE_OPTIONS["digits"])
    envs.reset()
    actions = np.stack([envs.action_space.sample() for _ in range(lanes)])

    def step() -> int:
        envs.step(actions)
        return lanes

    return step

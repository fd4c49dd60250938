"""Tests of every registered environment with what other libraries wrap around it; a new one needs no change here."""

import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces, wrappers
from gymnasium.error import Error
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers import vector
from stable_baselines3 import DQN
from stable_baselines3.common.env_checker import check_env as check_sb3_env
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    SubprocVecEnv,
    VecCheckNan,
    VecEnv,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
)

from glimpse.envs import ENVIRONMENTS
from glimpse.envs.faces.active_perception_face import ActivePerceptionView, PredictionLoss
from glimpse.envs.faces.discrete_view import DiscreteView
from glimpse.envs.faces.stable_baselines3_face import FlatView, make_sb3_env

Make = Callable[..., gym.Env[Any, Any]]
Native = Callable[..., VectorEnv[Any, Any, Any]]
OptionsOf = Callable[[str], dict[str, Any]]
each_environment = pytest.mark.parametrize("name", ENVIRONMENTS)
DIGITS = "glimpse/Digits-v0"


def same(left: Any, right: Any) -> bool:
    """Return whether two results are equal to the bit, in values, types and shapes."""
    return data_equivalence(left, right, exact=True)


@pytest.fixture
def native(options_of: OptionsOf) -> Native:
    """Return the function that makes a native vector environment of two lanes."""

    def make_native(name: str, **options: Any) -> VectorEnv[Any, Any, Any]:
        return gym.make_vec(ENVIRONMENTS[name].id, num_envs=2, **options_of(name), **options)

    return make_native


@each_environment
def test_an_unexpected_argument_is_a_type_error(name: str, make: Make, native: Native) -> None:
    """TorchRL's GymEnv passes `frameskip` and goes on without it if a TypeError names it in Python's words."""
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'frameskip'"):
        make(name, frameskip=1)
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'frameskip'"):
        native(name, frameskip=1)


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.value)
@each_environment
def test_time_limits_truncate_as_gymnasiums(name: str, mode: AutoresetMode, make: Make, native: Native) -> None:
    """The vector environment with a limit of two steps returns the same as SyncVectorEnv of limited environments."""
    ours = native(name, max_episode_steps=2, autoreset_mode=mode.value)
    rows = SyncVectorEnv([partial(make, name, max_episode_steps=2)] * 2, autoreset_mode=mode)
    ours.action_space.seed(0)
    assert same(ours.reset(seed=4), rows.reset(seed=4))
    truncated = 0
    for _ in range(9):
        action = ours.action_space.sample()
        answered = ours.step(action)
        assert same(answered, rows.step(action))
        over = answered[2] | answered[3]
        truncated += answered[3].sum()
        if mode is AutoresetMode.DISABLED and over.any():
            assert same(*(env.reset(options={"reset_mask": over}) for env in (ours, rows)))
    assert truncated or over.any()


def test_a_registered_time_limit_reaches_the_vector_environment(native: Native) -> None:
    """A user's own id with a limit truncates in both kinds of vector environments."""
    gym.register(
        "test/Short-v0",
        "glimpse.envs.faces.gymnasium_face:GlimpseEnv",
        max_episode_steps=3,
        vector_entry_point="glimpse.envs.faces.gymnasium_face:GlimpseVectorEnv",
        kwargs={"name": "digits"},
    )
    try:
        for mode in ("vector_entry_point", "sync"):
            env = gym.make_vec("test/Short-v0", num_envs=2, vectorization_mode=mode)
            env.reset(seed=0)
            ends = [env.step(env.action_space.sample())[3].tolist() for _ in range(4)]
            assert ends == [[False] * 2, [False] * 2, [True] * 2, [False] * 2]
    finally:
        del gym.registry["test/Short-v0"]
    for wrong in (0, 1.5, "3", True, -2, -1.0):
        with pytest.raises(ValueError, match="max_episode_steps should be a whole number of at least 1"):
            native("digits", max_episode_steps=wrong)


@each_environment
def test_stable_baselines3s_lanes_are_truncated_as_gymnasiums(name: str, make: Make, options_of: OptionsOf) -> None:
    """With a limit of two steps they return the same as DummyVecEnv of limited environments."""
    ours = make_sb3_env(name, 2, max_episode_steps=2, **options_of(name))
    rows = DummyVecEnv([lambda: FlatView(make(name, max_episode_steps=2))] * 2)
    for env in (ours, rows):
        env.seed(4)
    assert same(*(dict(cast(Any, env.reset())) for env in (ours, rows)))
    ours.action_space.seed(0)
    ends = 0
    for _ in range(5):
        action = np.array([ours.action_space.sample() for _ in range(2)])
        (observation, *ended), (expected, *expected_end) = ours.step(action), rows.step(action)
        assert same(dict(cast(Any, observation)), dict(cast(Any, expected)))
        assert same(ended, expected_end)
        ends += int(np.count_nonzero(cast(Any, ended[1])))
    assert ends >= 4


def test_a_limit_of_minus_one_is_none(native: Native) -> None:
    """Gymnasium's name for no limit is taken by both kinds of parallel environments."""
    vector_env, sb3_env = native("digits", max_episode_steps=-1), make_sb3_env("digits", 2, max_episode_steps=-1)
    vector_env.reset(seed=0)
    sb3_env.reset()
    for _ in range(9):
        assert not vector_env.step(vector_env.action_space.sample())[3].any()
        infos = sb3_env.step(np.array([sb3_env.action_space.sample()] * 2))[3]
        assert not any(info["TimeLimit.truncated"] for info in infos)


@each_environment
def test_a_lone_part_of_an_action_needs_no_key(name: str, make: Make, native: Native) -> None:
    """TorchRL passes it alone; the result is the same. Where an action has several parts, keys are needed."""
    for keyed, alone in ((make(name), make(name)), (native(name), native(name))):
        keyed.reset(seed=0)
        alone.reset(seed=0)
        keyed.action_space.seed(0)
        action = keyed.action_space.sample()
        (first, *others) = action.values()
        if others:
            with pytest.raises(ValueError, match="a dict with the keys"):
                alone.step(first)
        else:
            assert same(keyed.step(action), alone.step(first))


VECTOR_WRAPPERS: list[Callable[[Any], Any]] = [
    vector.RecordEpisodeStatistics,
    vector.NormalizeReward,
    partial(vector.ClipReward, min_reward=-1, max_reward=1),
    vector.DictInfoToList,
    vector.NumpyToTorch,
]


@each_environment
def test_gymnasiums_wrappers_run(name: str, make: Make, native: Native) -> None:
    """Wrappers of single and of vector environments play episodes and close."""
    single = wrappers.RecordEpisodeStatistics(wrappers.NormalizeReward(wrappers.FlattenObservation(make(name))))
    single.action_space.seed(0)
    observation, _ = single.reset(seed=0)
    ended = False
    while not ended:
        observation, _, terminated, truncated, info = single.step(single.action_space.sample())
        ended = terminated or truncated
    assert observation.ndim == 1 and info["episode"]["l"] >= 1
    for wrapper in VECTOR_WRAPPERS:
        env = wrapper(native(name))
        env.reset(seed=0)
        env.action_space.seed(0)
        action = env.action_space.sample()
        if wrapper is vector.NumpyToTorch:
            action = {key: torch.as_tensor(part) for key, part in action.items()}
        assert len(env.step(action)) == 5
        env.close()


@each_environment
def test_torchrls_checks_pass(name: str, options_of: OptionsOf) -> None:
    """TorchRL makes every environment by its id, and its specifications hold in an episode."""
    torchrl = pytest.importorskip("torchrl.envs")
    env = torchrl.GymEnv(ENVIRONMENTS[name].id, **options_of(name))
    torchrl.check_env_specs(env, seed=0)
    episode = env.rollout(3)
    assert 1 <= len(episode) <= 3 and episode["next", "reward"].isfinite().all()


SB3_WRAPPERS: list[Callable[[VecEnv], VecEnv]] = [
    VecMonitor,
    VecNormalize,
    partial(VecFrameStack, n_stack=3),
    VecCheckNan,
    lambda env: VecNormalize(VecFrameStack(VecMonitor(env), 2)),
]


@each_environment
def test_stable_baselines3s_checks_and_wrappers_run(name: str, make: Make, options_of: OptionsOf) -> None:
    """SB3's check_env passes, and its wrappers play with default arguments, also over frame stacking."""
    check_sb3_env(FlatView(make(name)), warn=False)
    for wrapper in SB3_WRAPPERS:
        env = wrapper(make_sb3_env(name, 2, seed=0, **options_of(name)))
        observation = cast(dict[str, Any], env.reset())
        for _ in range(3):
            stepped = env.step(np.array([env.action_space.sample() for _ in range(2)]))
            observation = cast(dict[str, Any], stepped[0])
        assert all(np.isfinite(part).all() for part in observation.values()) and stepped[1].shape == (2,)


def test_lanes_in_other_processes_equal_those_here() -> None:
    """SubprocVecEnv of flat views returns the same as DummyVecEnv."""
    makers: list[Callable[[], gym.Env[Any, Any]]] = [partial(_flat_digits, lane) for lane in range(2)]
    apart, here = SubprocVecEnv(makers, start_method="fork"), DummyVecEnv(makers)
    try:
        for env in (apart, here):
            env.seed(3)
        assert same(*(dict(cast(Any, env.reset())) for env in (apart, here)))
        action = np.array([here.action_space.sample() for _ in range(2)])
        assert same(*(dict(cast(Any, env.step(action)[0])) for env in (apart, here)))
    finally:
        apart.close()


def _flat_digits(lane: int) -> gym.Env[Any, Any]:
    return FlatView(gym.make(DIGITS))


def test_lanes_have_attributes_and_methods_of_their_own() -> None:
    """What is set for one lane is read from it alone, and methods are called for the lanes that are named."""
    env = make_sb3_env("digits", 3, render_mode="rgb_array", seed=0)
    env.reset()
    env.set_attr("difficulty", 7, indices=1)
    assert env.get_attr("difficulty", 1) == [7]
    with pytest.raises(AttributeError, match="difficulty"):
        env.get_attr("difficulty", [0])
    env.set_attr("difficulty", 2)
    assert env.get_attr("difficulty") == [2, 2, 2] and env.get_attr("render_mode", [0, 2]) == ["rgb_array"] * 2
    assert env.env_method("get_wrapper_attr", "difficulty", indices=[0]) == [2]
    assert env.env_method("has_wrapper_attr", "nothing") == [False] * 3
    assert env.env_is_wrapped(gym.Wrapper) == [False] * 3
    pictures = env.env_method("render", indices=[2])
    assert len(pictures) == 1 and pictures[0].ndim == 3 and len(env.get_images()) == 3
    with pytest.raises(AttributeError, match="none has a method 'fly', but get_wrapper_attr"):
        env.env_method("fly")


@each_environment
def test_one_discrete_action_numbers_all_choices(name: str, make: Make) -> None:
    """Action number n is the n-th combination of the choices, the last one fastest; too many are refused."""
    flat = FlatView(make(name), 2)
    sizes = cast(spaces.MultiDiscrete, flat.action_space).nvec
    if np.prod(sizes.astype(float)) > 1e6:
        with pytest.raises(ValueError, match="too many for one action"):
            DiscreteView(make(name), 2)
        return
    env = DiscreteView(make(name), 2)
    count = int(cast(spaces.Discrete, env.action_space).n)
    assert count == np.prod(sizes)
    for number in {0, 1, count // 2, count - 1} & set(range(count)):
        assert same(env.reset(seed=5), flat.reset(seed=5))
        assert same(env.step(number), flat.step(np.array(np.unravel_index(number, sizes))))
    env.reset(seed=5)
    for wrong in (-1, count, 0.5, "a", [0, 1]):
        with pytest.raises(ValueError, match="whole number from 0 to"):
            env.step(wrong)
    check_sb3_env(env, warn=False)


def test_dqn_learns_in_the_discrete_view(make: Make) -> None:
    """DQN, and sb3-contrib's QR-DQN, collect and learn for some steps."""
    contrib = pytest.importorskip("sb3_contrib")
    for algorithm in (DQN, contrib.QRDQN):
        env = DiscreteView(gym.make(DIGITS, glimpses=2), 2)
        model = algorithm(
            "MultiInputPolicy", env, learning_starts=8, buffer_size=64, batch_size=8, seed=0, device="cpu"
        )
        model.learn(24)
        assert int(model.predict(env.reset(seed=0)[0])[0]) < 40


@pytest.mark.parametrize("seed", [3.0, 1.5, "3", -1, [1], [1, 2.5], [1, -2], (1, "2")])
def test_seeds_that_gymnasium_refuses_are_refused(seed: Any, native: Native) -> None:
    """They are Gymnasium's own kind of error, and never rounded."""
    with pytest.raises(Error):
        native("digits").reset(seed=seed)
    with pytest.raises(Error, match="a natural number"):
        make_sb3_env("digits", seed=seed)


def test_seeds_that_gymnasium_accepts_are_accepted(native: Native) -> None:
    """Whole numbers, a list of them or of None, and NumPy's, which stand for the same numbers."""
    env = native("digits")
    first = env.reset(seed=5)
    for seed in ([5, 6], (5, 6), np.array([5, 6]), np.int64(5)):
        assert same(first, env.reset(seed=cast(Any, seed)))
    env.reset(seed=cast(Any, [5, None]))


@pytest.mark.parametrize("wrong", [{}, {1: 0, "look": [0, 0]}, {"look": [0, 0], None: 1}, [0, 1], None])
def test_wrong_keys_of_actions_are_named(wrong: Any, make: Make, native: Native) -> None:
    """Keys of mixed types are one clear error too."""
    for env in (make("digits"), native("digits")):
        cast(Any, env).reset(seed=0)
        with pytest.raises(ValueError, match="an action should be a dict with the keys 'answer', 'look', got"):
            cast(Any, env).step(wrong)
    with pytest.raises(ValueError, match="knows the options 'example', got 'a', 1"):
        make("digits").reset(options=cast(Any, {1: 0, "a": 2}))


@each_environment
def test_an_answer_can_be_a_prediction(name: str, make: Make) -> None:
    """In ap_gym's terms the answer is a prediction with a target and a loss; without one class it is refused."""
    answer = dict(cast(spaces.Dict, make(name).action_space)).get("answer")
    if not isinstance(answer, spaces.Discrete):
        with pytest.raises(ValueError, match="to be predicted"):
            ActivePerceptionView(make(name))
        return
    env, plain = ActivePerceptionView(make(name)), make(name)
    assert set(env.inner_action_space) == set(cast(spaces.Dict, plain.action_space)) - {"answer"}
    classes = int(env.prediction_target_space.n)
    assert (
        env.prediction_space.shape == (classes,)
        and cast(spaces.Dict, env.action_space)["prediction"] == env.prediction_space
    )
    if name == "digit-pair":  # Two answers in an episode.
        with pytest.raises(ValueError, match="one answer"):
            env.reset(seed=1)
        return
    (observation, info), (same_observation, label) = env.reset(seed=1), plain.reset(seed=1)
    assert same(observation, same_observation) and info["prediction"]["target"] == label["label"] - answer.start
    action = env.inner_action_space.sample()
    logits = np.zeros(classes, np.float32)
    logits[0] = 3
    observation, reward, _, _, info = env.step({"action": action, "prediction": logits})
    plain_step = plain.step({**action, "answer": answer.start})
    assert same(observation, plain_step[0]) and info["base_reward"] == plain_step[1]
    assert reward == pytest.approx(plain_step[1] - info["prediction"]["loss"])
    with pytest.raises(ValueError, match="finite logits"):
        env.step({"action": action, "prediction": logits[:-1]})


def test_the_loss_of_a_prediction_by_hand() -> None:
    """A uniform prediction of four classes costs 1; logits (ln 3, 0, 0, 0) cost ln 2 / ln 4 for the first class."""
    loss = PredictionLoss(4)
    assert loss.numpy(np.zeros(4), 2) == pytest.approx(1)
    assert loss.numpy(np.log([3, 1, 1, 1]), 0) == pytest.approx(0.5)
    assert loss(np.log([[3, 1, 1, 1], [1, 1, 1, 1]]), [0, 1], (2,)).tolist() == pytest.approx([0.5, 1])
    logits = torch.zeros(2, 4, requires_grad=True)
    loss.torch(logits, torch.tensor([0, 1]), (2,)).sum().backward()
    assert logits.grad is not None and logits.grad[0, 0] < 0
    assert loss.numpy_loss_and_metrics(np.zeros(4), 1)[1] == {}


def test_ap_gym_takes_the_view_for_its_own(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    """Where ap_gym is imported, its base class knows the view, and its class of action spaces is used."""

    class Space(spaces.Dict):
        def __init__(self, inner: Any, prediction: Any) -> None:
            super().__init__({"action": inner, "prediction": prediction})

    known: list[type] = []
    stand_in = cast(ModuleType, SimpleNamespace())
    stand_in.ActivePerceptionActionSpace = Space  # type: ignore[attr-defined]
    stand_in.BaseActivePerceptionEnv = SimpleNamespace(register=known.append)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ap_gym", stand_in)
    env = ActivePerceptionView(gym.make(DIGITS))
    assert isinstance(env.action_space, Space) and known == [ActivePerceptionView]

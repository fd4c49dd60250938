"""Benchmark of peers: what other packages that are installed do in a second, beside this one in the same process.

Nothing of them is needed, and none is a dependency; a line says which are not installed.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, NamedTuple

import gymnasium as gym
from numpy.typing import NDArray

from glimpse.benchmarks.stopwatch import Stopwatch
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.images.image_data import load_images
from glimpse.runs.threads import set_threads

LANES = 64
GLIMPSES: dict[str, Any] = {"glimpses": 16, "retina": {"patch": 5}}
"""Options of this package's environment: those of ap_gym by default."""
Work = Callable[[], int]


class Measured(NamedTuple):
    """What is measured of a peer.

    setting: what it is.
    work: takes steps, and returns how many.
    own: the setting of this package that is compared with it.
    """

    setting: str
    work: Work
    own: str


def bench_peers(watch: Stopwatch) -> None:
    """Measure steps per second of environments of this package and of its peers, in turn, on one thread."""
    set_threads(1)
    works, found = _own(), [measured for package in PEERS for measured in _made(package)]
    works |= {measured.setting: measured.work for measured in found}
    rates = dict(zip(works, watch.rates(*works.values()), strict=True))
    for setting, rate in rates.items():
        watch.add("peers", setting, rate, "steps/s")
    for setting, _, own in found:
        watch.add("peers, glimpse against them", f"{own}; {setting}", rates[own] / rates[setting], "times as fast")


def _made(package: str) -> list[Measured]:
    """Return what is measured of a package; where it is not installed say so, and return nothing."""
    try:
        return PEERS[package]()
    except ImportError as problem:
        print(f"{package} is not measured ({problem}); to install it: pip install {package}")
        return []


_VECTOR, _SINGLE = (
    f"glimpse, SyncVectorEnv of {LANES}, 5 x 5 of 8 x 8 pixels",
    "glimpse, one environment, 5 x 5 of 8 x 8",
)
_CATCH, _CATCHES = "glimpse, one Catch through glimpses", f"glimpse, {LANES} Catch through glimpses"


def _own() -> dict[str, Work]:
    """Return what is measured of this package."""
    return {
        _VECTOR: _steps_of_vector("digits", "sync", **GLIMPSES),
        _SINGLE: _steps(gym.make(ENVIRONMENTS["digits"].id, **GLIMPSES)),
        _CATCH: _steps(gym.make(ENVIRONMENTS["catch"].id)),
        _CATCHES: _steps_of_vector("catch", None),
    }


def _steps_of_vector(name: str, mode: Literal["sync"] | None, **options: Any) -> Work:
    """Return a function that steps a vector environment of this package, which begins episodes itself."""
    return _steps(gym.make_vec(ENVIRONMENTS[name].id, num_envs=LANES, vectorization_mode=mode, **options), LANES)


def _steps(env: Any, lanes: int = 0) -> Work:
    """Return a function that takes a step with one action for all times; a single environment is reset at ends."""
    env.reset(seed=0)
    action = env.action_space.sample()

    def step() -> int:
        _, _, terminated, truncated, _ = env.step(action)
        if not lanes and (terminated or truncated):
            env.reset()
        return lanes or 1

    return step


def _active_perception() -> list[Measured]:
    """Return ap_gym's classification of the same pictures, with glimpses of 5 x 5 pixels and 16 steps."""
    module = import_module("ap_gym.envs.image_classification")
    images = load_images("digits", "train")
    config = import_module("ap_gym.envs.image").ImagePerceptionConfig(
        dataset=_data_set(images.images[:, 0].numpy(), images.labels.numpy()), step_limit=GLIMPSES["glimpses"]
    )
    vector, single = module.ImageClassificationVectorEnv(LANES, config), module.ImageClassificationEnv(config)
    named = f"ap_gym {_version('ap-gym')}, ImageClassification"
    return [
        Measured(f"{named}VectorEnv of {LANES}", _steps(vector, LANES), _VECTOR),
        Measured(f"{named}Env", _steps(single), _SINGLE),
    ]


def _data_set(images: NDArray[Any], labels: NDArray[Any]) -> Any:
    """Return pictures (N, H, W) uint8 and classes (N,) as a data set of ap_gym."""
    kind = import_module("ap_gym.envs.image").ImageClassificationDataset
    members = {
        "_get_num_classes": lambda _: 10,
        "_get_num_channels": lambda _: 1,
        "_get_length": lambda _: len(images),
        "_get_data_point_batch": lambda _, numbers: (images[numbers], labels[numbers]),
    }
    return type("Pictures", (kind,), members)()


def _bsuite() -> list[Measured]:
    """Return bsuite's Catch, whose whole board of 10 x 5 is seen; it begins episodes itself."""
    env = import_module("bsuite.environments.catch").Catch(seed=0)
    env.reset()

    def step() -> int:
        env.step(1)
        return 1

    named = f"bsuite {_version('bsuite')}, Catch, a loop in Python"
    return [Measured(named, step, own) for own in (_CATCH, _CATCHES)]


def _version(package: str) -> str:
    """Return the version of a package; nothing where it is not known."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


PEERS: dict[str, Callable[[], list[Measured]]] = {"ap-gym": _active_perception, "bsuite": _bsuite}
"""What is measured of each package, by the name by which it is installed; ImportError where it is not there."""

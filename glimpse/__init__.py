"""Agents that decide where to look.

Importing this package registers the environments with Gymnasium (``gym.make("glimpse/MNIST-v0")``) and
imports neither torch nor wandb nor Stable-Baselines3. The command ``glimpse`` registers them where it needs them.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from glimpse.cli.interrupts import exit_on_interrupt, is_command_line

__version__ = "0.1.0"

# In a checkout envs/, agents/ and configs/ are our neighbours; in a wheel they are already inside.
_root = Path(__file__).parent.parent
if (_root / "pyproject.toml").is_file():
    __path__.append(str(_root))

if is_command_line():  # Later imports take a moment, in which Ctrl-C should print no traceback.
    exit_on_interrupt()
else:
    from glimpse.envs import register_environments

    register_environments()

if TYPE_CHECKING:
    from glimpse.inference.episodes import make_env as make_env
    from glimpse.inference.episodes import rollout as rollout
    from glimpse.inference.loaded_agent import load as load


def __getattr__(name: str) -> Any:
    """Import `load`, `make_env` and `rollout` when they are first used, since torch takes seconds to import."""
    if name == "load":
        from glimpse.inference.loaded_agent import load

        return load
    if name in ("make_env", "rollout"):
        from glimpse.inference import episodes

        return getattr(episodes, name)
    raise AttributeError(f"module 'glimpse' has no attribute {name!r}")

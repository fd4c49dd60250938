"""Agents that decide where to look.

Importing this package registers the environments with Gymnasium (``gym.make("glimpse/MNIST-v0")``) and
imports neither torch nor wandb nor Stable-Baselines3.
"""

from pathlib import Path

__version__ = "0.1.0"

# In a checkout envs/, agents/ and configs/ are our neighbours; in a wheel they are already inside.
_root = Path(__file__).parent.parent
if (_root / "pyproject.toml").is_file():
    __path__.append(str(_root))

from glimpse.envs import register_environments  # noqa: E402  (the path above must come first)

register_environments()

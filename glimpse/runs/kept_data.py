"""Parts of its data that a run keeps in its folder, so that it can be used without them."""

from typing import Any

import torch

from glimpse.config.experiment import Experiment
from glimpse.envs.core import BatchedEnv
from glimpse.families import family_of, family_part
from glimpse.runs.run_folder import RunFolder


class KeptData:
    """Keeper of nothing, and base class of those of the families that keep something."""

    def keep(self, folder: RunFolder, env: Any) -> None:
        """Write what must be kept of an environment's data, or check what was written before.

        Raises:
            UserError: if it cannot be written, or something else was.
        """

    def check(self, folder: RunFolder, env: Any) -> None:
        """Check that an environment's data agree with what was kept.

        Raises:
            UserError: if they do not.
        """

    def env_without_data(self, folder: RunFolder, experiment: Experiment, device: torch.device) -> BatchedEnv | None:
        """Return the run's environment without any example; None where too little was kept for that."""
        return None


def kept_data_of(experiment: Experiment) -> KeptData:
    """Make the keeper of an experiment's family."""
    name = family_of(experiment.task.name).kept_data
    kept: KeptData = family_part(name)() if name else KeptData()
    return kept

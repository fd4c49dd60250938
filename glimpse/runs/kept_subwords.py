"""Subwords of a translation run, kept in its folder so that it translates without its data."""

from pkgutil import resolve_name

import torch

from glimpse.config.experiment import Experiment
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.core import BatchedEnv
from glimpse.envs.errors import DataError
from glimpse.envs.translation.translating import Translating
from glimpse.envs.translation.translation_data import Languages, empty_translation_data
from glimpse.errors import UserError
from glimpse.runs.durable import replace_file, reporting_read_errors, reporting_write_errors
from glimpse.runs.kept_data import KeptData
from glimpse.runs.run_folder import RunFolder


class KeptSubwords(KeptData):
    """Keeper of both languages' subwords, in `subwords.json`."""

    def keep(self, folder: RunFolder, env: Translating) -> None:
        """Write the subwords, or check those that were written before."""
        self.check(folder, env)
        if not folder.subwords_path.exists():
            with reporting_write_errors(folder.subwords_path):
                replace_file(folder.subwords_path, env.languages.to_json().encode())

    def check(self, folder: RunFolder, env: Translating) -> None:
        """Check that the data's subwords are those that the run was trained with."""
        if folder.subwords_path.exists() and not read_subwords(folder).same_as(env.languages):
            raise UserError(
                f"the data of {folder.path} have changed since it was trained: they give other tokens than "
                f"{folder.subwords_path} has. Put the old data back, or train anew"
            )

    def env_without_data(self, folder: RunFolder, experiment: Experiment, device: torch.device) -> BatchedEnv | None:
        """Return the environment without any sentence; None where no subwords were kept."""
        if not folder.subwords_path.exists():
            return None
        environment = resolve_name(ENVIRONMENTS[experiment.task.name].environment)
        env: BatchedEnv = environment(experiment.task, empty_translation_data(read_subwords(folder)), device=device)
        return env


def read_subwords(folder: RunFolder) -> Languages:
    """Read the subwords that `KeptSubwords.keep` wrote.

    Raises:
        UserError: if it cannot be read.
        DataError: if the tokenizers library is not installed.
    """
    with reporting_read_errors(folder.subwords_path):
        written = folder.subwords_path.read_bytes()
    try:
        return Languages.from_json(written.decode())
    except DataError:
        raise
    except ValueError as problem:
        raise UserError(f"{folder.subwords_path} is not what training writes ({problem}); remove it") from None

"""The pieces that a run learns with, kept in its folder: it translates without its data, and never by other pieces."""

from pkgutil import resolve_name
from typing import cast

import torch

from glimpse.config.experiment import Experiment
from glimpse.runs.durable import replace_file, reporting_read_errors, reporting_write_errors
from glimpse.envs import WORLDS
from glimpse.envs.errors import DataError
from glimpse.envs.lanes import Core, VisualCore
from glimpse.envs.translation.translation_data import Languages, without_sentences
from glimpse.envs.translation.translating import Translating
from glimpse.errors import UserError
from glimpse.runs.run_folder import RunFolder


def keep_pieces(folder: RunFolder, world: Core) -> None:
    """Write down the pieces of a world that translates; or check them, where they were written already.

    Raises:
        UserError: if they cannot be written, or others were.
    """
    check_pieces(folder, world)
    if isinstance(world, Translating) and not folder.pieces_path.exists():
        with reporting_write_errors(folder.pieces_path):
            replace_file(folder.pieces_path, world.languages.written.encode())


def check_pieces(folder: RunFolder, world: Core) -> None:
    """See that a world's texts are divided as those were that the run learned from.

    Raises:
        UserError: if they are not: then its weights would mean something else.
    """
    if isinstance(world, Translating) and folder.pieces_path.exists():
        if not read_pieces(folder).same_as(world.languages):
            raise UserError(
                f"the data of {folder.path} have changed since it was trained: they give other pieces than "
                f"{folder.pieces_path} has. Put the old data back, or train anew"
            )


def read_pieces(folder: RunFolder) -> Languages:
    """What `keep_pieces` wrote.

    Raises:
        UserError: if it cannot be read.
        DataError: if the tokenizers library is not installed.
    """
    with reporting_read_errors(folder.pieces_path):
        written = folder.pieces_path.read_bytes()
    try:
        return Languages.read(written.decode())
    except DataError:
        raise
    except ValueError as problem:
        raise UserError(f"{folder.pieces_path} is not what training writes ({problem}); remove it") from None


def world_without_data(folder: RunFolder, experiment: Experiment, device: torch.device) -> VisualCore | None:
    """The world of a run that translates, without a sentence; None where no pieces were kept."""
    if not folder.pieces_path.exists():
        return None
    core = resolve_name(WORLDS[experiment.task.name].core)
    return cast(VisualCore, core(experiment.task, without_sentences(read_pieces(folder)), device=device))

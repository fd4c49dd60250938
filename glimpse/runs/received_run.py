"""Checks of a run that may come from somebody else; see also `glimpse.runs.links`."""

import unicodedata
from pathlib import Path

from glimpse.config.strict_yaml import parse_yaml
from glimpse.errors import UserError


def refuse_odd_name(path: Path) -> None:
    """Check that a run's path can be printed in a line and written in UTF-8.

    Raises:
        UserError: It holds a line break or another control character, or bytes that are no UTF-8.
    """
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in str(path)):
        raise UserError(
            f"a run's folder should have a name in UTF-8 without line breaks and control characters "
            f"(got {ascii(str(path))}). Rename it, or choose another with --folder"
        )


def refuse_ways_out(config: Path, text: str) -> None:
    """Check that a run names no file that is read beside its own, and no server.

    Args:
        config: Path of its config.
        text: Content of its config.

    Raises:
        UserError: The config extends others, which might be any file of the user's, or there are settings of wandb,
            which say where the user's key is sent.
    """
    # A word can be hidden behind escapes. Parsing takes a while, so that it is done only where it matters.
    data = parse_yaml(text)[0] if "extends" in text or "\\" in text else None
    if isinstance(data, dict) and "extends" in data:
        raise UserError(
            f"{config} extends other configs, but the config of a run is complete and reads no other file. Write what "
            "it needs from them into it"
        )
    for name in ("wandb/settings", ".wandb/settings"):
        if (path := config.parent / name).exists():
            raise UserError(
                f"{path} would be followed by wandb in this folder, and could send your data and your key to another "
                "server. Remove it; your own settings are in ~/.config/wandb"
            )

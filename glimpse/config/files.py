"""Config files: strict YAML that extends other files, with `a.b=c` overrides on top.

All mistakes are reported at once, each with the file that it is in. Only plain data are read.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from glimpse.config.experiment import Experiment
from glimpse.config.layers import Layers
from glimpse.config.mistakes import nearest
from glimpse.config.shipped import shipped_configs
from glimpse.config.shown_values import shortened, shown_path
from glimpse.config.strict_yaml import DEEPEST, parse_yaml, write_yaml
from glimpse.errors import UserError

COMMAND_LINE = "command line"
_TABLES = (".csv", ".tsv", ".jsonl", ".csv.gz", ".tsv.gz", ".jsonl.gz")
_DEEPEST = 50
"""Largest number of files that extend each other in a row."""
_LARGEST = 1_000_000
"""Largest size of a config file in bytes; reading YAML takes seconds for each."""


def load_experiment(path: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read the experiment of a config file, with `a.b=c` overrides on top.

    Args:
        path: A file; or the name of a shipped config, such as `mnist-ram` or `configs/images/mnist-ram.yaml`.
        overrides: Texts such as `train.steps=10`; the values are YAML.

    Raises:
        UserError: With a line for each mistake.
    """
    return read_experiment(path, overrides)[0]


def read_experiment(path: str | Path, overrides: Sequence[str] = ()) -> tuple[Experiment, list[str]]:
    """Read an experiment as `load_experiment` does, with a note for each group of keys that a later layer drops.

    There are none of a shipped config over another one, which is as it should be.
    """
    file = find_config(path)
    layers = Layers(str(file))
    try:
        for source, data in _read_files(file, layers.mistakes):
            layers.lay(data, source, noted=not _is_shipped(Path(source)))
    except UserError as error:
        raise UserError("\n".join([*layers.mistakes, str(error)])) from None
    layers.lay(_merge_overrides(overrides, layers.mistakes), COMMAND_LINE)
    return layers.validate(), layers.notes


def read_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    """Read `a.b=c` overrides alone, as sections within each other.

    Raises:
        UserError: With a line for each that has another form.
    """
    mistakes: list[str] = []
    data = _merge_overrides(overrides, mistakes)
    if mistakes:
        raise UserError("\n".join(mistakes))
    return data


def dump_experiment(experiment: Experiment) -> str:
    """Write the whole experiment as YAML, defaults included; `load_experiment` reads an equal one back."""
    return write_yaml(experiment.model_dump(mode="json"))


def _is_shipped(file: Path) -> bool:
    """Return whether a file is a config that ships with glimpse, perhaps by a link."""
    file = file.resolve()
    known = shipped_configs().get(file.stem)
    return known is not None and known.resolve() == file


def config_path(name: str) -> str:
    """Return a shipped config's path as it is typed in a checkout: `configs/FAMILY/NAME.yaml`."""
    return f"configs/{shipped_configs()[name].parent.name}/{name}.yaml"


def find_config(path: str | Path, folder: Path = Path()) -> Path:
    """Find a config by its path, relative to `folder`, or else by the name of a shipped one.

    Raises:
        UserError: If there is none; the message names the nearest of those that are there.
    """
    file, shipped = folder / path, shipped_configs()
    if file.name.lower().endswith(_TABLES):
        raise UserError(
            f"{shown_path(file)}: is a table, expected a config; for texts of your own: glimpse train trec-structured "
            f"task.data=file:{file}"
        )
    if file.exists() and not file.is_dir():
        return file
    name = Path(path).name.removesuffix(".yaml")
    if name in shipped and _lies_among_configs(Path(path).parent, shipped[name]):
        return shipped[name]
    if file.is_dir():
        raise UserError(f"{shown_path(file)}: is a folder, expected a config file{_hint_for_a_folder(file)}")
    beside = sorted(found.name for found in file.parent.glob("*.yaml")) if file.parent.is_dir() else []
    meant = nearest(name, shipped) or nearest(Path(path).name, beside)
    question = f"did you mean {meant!r}? " if meant else ""
    raise UserError(f"{shown_path(file)}: no such config ({question}`glimpse list` names those that are shipped)")


def _lies_among_configs(folder: Path, shipped: Path) -> bool:
    """Return True if a typed folder may stand before a shipped config's name: none, configs/ or its family's."""
    return folder in (Path(), Path("configs"), Path("configs") / shipped.parent.name)


def _hint_for_a_folder(folder: Path) -> str:
    """Say what to type for a run, or for pictures of one's own."""
    if not (folder / "config.yaml").is_file():
        pictures = (folder / "train").is_dir()
        typed = f"glimpse train mnist-ram task.name=images task.data=folder:{folder}"
        return f"; for pictures of your own: {typed}" if pictures else ""
    return f"; its config is {folder / 'config.yaml'}; to go on with the run: glimpse train --resume {folder}"


def _read_files(
    file: Path, mistakes: list[str], above: tuple[Path, ...] = (), read: list[Path] | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each file's name and data: the files that it extends, in their order, then the file itself.

    Each file is read once. One that several others extend lies below all of them.

    Args:
        file: The file.
        mistakes: Lines about mistakes, to which those in the files are added.
        above: The files that extend it, one by the other.
        read: The files read so far, to which this one is added.

    Raises:
        UserError: If a file cannot be read, so that nothing can be said about the rest.
    """
    read = [] if read is None else read
    read.append(file)
    above = (*above, file)
    if len(above) > _DEEPEST:
        raise UserError(f"{above[0]}: extends: goes more than {_DEEPEST} files deep, to {file}")
    data = _read_file(file, mistakes)
    extends = data.pop("extends", [])
    names = [extends] if isinstance(extends, str) else extends
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{file}: extends: should be the name of a config or a list of names (got {extends!r})")
    for name in names:
        try:
            base = find_config(name, file.parent)
        except UserError as error:
            raise UserError(f"{file}: extends: {error}") from None
        if any(os.path.samefile(base, upper) for upper in above):
            raise UserError(f"{file}: extends: goes in a circle, {' -> '.join(map(str, (*above, base)))}")
        if not any(os.path.samefile(base, other) for other in read):
            yield from _read_files(base, mistakes, above, read)
    yield str(file), data


def _read_file(file: Path, mistakes: list[str]) -> dict[str, Any]:
    """Read the mapping of one file; keys given twice are added to the mistakes."""
    try:
        if not file.is_file():
            raise UserError(f"{file}: is not a regular file")
        if file.stat().st_size > _LARGEST:
            raise UserError(f"{file}: is larger than {_LARGEST:,} bytes, expected a config file")
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{file}: is not a text file in UTF-8") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from None
    data, wrong = parse_yaml(text)
    lines = [f"{file}:{line}: {problem}" for line, problem in wrong]
    if wrong and data is None:
        raise UserError("\n".join(lines))
    mistakes += lines
    if data is None:
        raise UserError(f"{file}: is empty, expected at least task, agent and train")
    if not isinstance(data, dict):
        raise UserError(f"{file}: should be a mapping of keys to values, such as `seed: 1`")
    return data


def _merge_overrides(overrides: Sequence[str], mistakes: list[str]) -> dict[str, Any]:
    """Merge the overrides into one layer; later ones win."""
    data: dict[str, Any] = {}
    for given in overrides:
        path, equals, text = given.partition("=")
        keys = path.split(".")
        value, wrong = parse_yaml(text)
        if not equals or not all(re.fullmatch(r"[\w-]+", key) for key in keys):
            shown = shortened(repr(given))
            mistakes.append(f"{COMMAND_LINE}: {shown}: an override has the form a.b=c, as in train.steps=1000")
        elif len(keys) > DEEPEST:
            mistakes.append(f"{COMMAND_LINE}: {shortened(path)}: is nested too deeply, at most {DEEPEST} levels")
        elif wrong:
            got = f"(got {shortened(repr(text))}); a value is YAML, such as 3, [1, 2], {{a: b}} or 'a text'"
            mistakes += [f"{COMMAND_LINE}: {path}: {problem} {got}" for _, problem in wrong]
        elif keys[0] == "extends":
            mistakes.append(f"{COMMAND_LINE}: extends: can be given in a file only")
        elif not _put(data, keys, value):
            mistakes.append(f"{COMMAND_LINE}: {path}: is given as a value and as a section")
    return data


def _put(data: dict[str, Any], keys: list[str], value: Any) -> bool:
    """Set one key, making the sections above it; False if one of these already is a value.

    A name given beside options, as in `attention=relative` and `attention.heads=8`, becomes their `kind`.
    """
    for key in keys[:-1]:
        if isinstance(name := data.setdefault(key, {}), str) and name.isidentifier():
            data[key] = {"kind": name}
        data = data[key]
        if not isinstance(data, dict):
            return False
    if isinstance(data.get(keys[-1]), dict) and isinstance(value, str):
        data, keys = data[keys[-1]], ["kind"]
    data[keys[-1]] = value
    return True

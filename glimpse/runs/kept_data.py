"""What a run keeps of its data, in `meaning.json`: the meaning of all numbers, and digests of what was read."""

import hashlib
import json
from pkgutil import resolve_name
from typing import Any, Protocol

import torch
from pydantic import BaseModel, ConfigDict, SerializeAsAny, ValidationError

from glimpse.config.experiment import Experiment
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.core import counts_classes
from glimpse.envs.data.file_digests import FileDigest
from glimpse.envs.errors import DataError
from glimpse.envs.meaning import Meaning, env_meaning, meaning_kind
from glimpse.errors import UserError
from glimpse.runs.build import LoadedEnv, load_env, make_empty_env
from glimpse.runs.content_digest import content_digest
from glimpse.runs.durable import read_file, replace_file, reporting_read_errors, reporting_write_errors
from glimpse.runs.run_folder import RunFolder

_REMEDY = "Put the old data back, or train a new run"


class Origin(BaseModel):
    """Weights that a run began with.

    run: name of the folder of the run that they are from.
    step: its step.
    weights: SHA-256 of them, as `content_digest` computes it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    step: int
    weights: str


class KeptData(BaseModel):
    """Content of `meaning.json`.

    meaning: what the observations and answers of the run's environment mean.
    contents: SHA-256 of the training and of the validation data as they were loaded.
    files: digests of the files that they were read from, by names without folders; none if they were generated.
    origin: the weights that the run began with; None for random ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    meaning: SerializeAsAny[Meaning]
    contents: dict[str, str]
    files: tuple[FileDigest, ...]
    origin: Origin | None = None

    def changes(self, files: tuple[FileDigest, ...]) -> str:
        """Name the files that are not as they were; "" if all are."""
        known, names = set(self.files), {file.name for file in self.files}
        changed = [file for file in files if file.name in names and file not in known]
        named = ", ".join(f"{file.name} ({file.bytes:,} bytes)" for file in changed[:3])
        return named + (f" and {len(changed) - 3:,} more" if len(changed) > 3 else "")


class Earlier(Protocol):
    """Earlier run with whose weights a run begins; see `glimpse.runs.earlier_run`.

    meaning: what its observations and answers mean.
    origin: its weights, as they are kept.
    """

    @property
    def meaning(self) -> Meaning:
        """What its observations and answers mean."""

    @property
    def origin(self) -> Origin:
        """Its weights, as they are kept."""


def training_envs(
    experiment: Experiment, folder: RunFolder, device: torch.device, earlier: Earlier | None = None
) -> tuple[Any, Any]:
    """Make the environments of training and validation; keep what they mean, or follow what a resumed run has kept.

    Args:
        experiment: the config.
        folder: the run's folder.
        device: device of the environments.
        earlier: the run with whose weights this one begins; None for random ones, or if it has a checkpoint already.

    Raises:
        UserError: if the run began with other data or weights, or what was kept cannot be read or written.
        DataError: if the data cannot be had, or contradict what was kept.
    """
    resumed = folder.meaning_path.exists() or folder.has_checkpoints
    kept = read_kept_data(folder, experiment) if resumed else None
    meaning = kept.meaning if kept else None
    train, validation = (load_env(experiment, split, device, meaning) for split in ("train", "validation"))
    if earlier is not None and kept is None:
        own = env_meaning(train.env).common(env_meaning(validation.env))
        meaning = own.continuing(earlier.meaning)
        if meaning != own:
            train = load_env(experiment, "train", device, meaning)
            validation = load_env(experiment, "validation", device, env_meaning(train.env))  # With the words' vectors.
    found = _kept_data_of(train, validation, earlier.origin if earlier else None)
    if kept is not None:
        if earlier is not None and kept.origin != earlier.origin:
            raise UserError(
                f"{experiment.init} has other weights than those that {folder.path} began with. Put the old ones back, "
                "or train a new run"
            )
        _refuse_other_data(folder, kept, found)
        return train.env, validation.env
    if problem := found.meaning.contradiction(env_meaning(validation.env)):
        raise DataError(f"the validation data contradict the training data: {problem}")
    write_kept_data(folder, found)
    return train.env, validation.env


def env_of_run(experiment: Experiment, folder: RunFolder, split: Any, device: torch.device, say: Any) -> Any:
    """Make the environment of a trained run from what was kept, and check that the data agree with it.

    Args:
        experiment: config of the run.
        folder: its folder.
        split: split of the data that is shown; None for none: then no data are read, if the environment allows that.
        device: device of the environment.
        say: prints a line for the user.

    Raises:
        UserError: if what was kept cannot be read, or the data contradict it.
        DataError: if the data cannot be had, or contradict what was kept.
    """
    kept = read_kept_data(folder, experiment)
    env = make_empty_env(experiment, kept.meaning, device) if split is None else None
    if env is not None:
        return env
    loaded = load_env(experiment, split or "validation", device, kept.meaning)
    if problem := kept.meaning.contradiction(env_meaning(loaded.env)):
        raise UserError(f"the data contradict what {folder.path} was trained on: {problem}. {_REMEDY}")
    if split is not None:
        _say_what_differs(kept, loaded, split, say)
    return loaded.env


def read_kept_data(folder: RunFolder, experiment: Experiment) -> KeptData:
    """Read what a run has kept of its data.

    Raises:
        UserError: if it is missing or damaged.
    """
    path = folder.meaning_path
    with reporting_read_errors(path):
        if not path.exists():
            raise UserError(
                f"{folder.path} has no {path.name}, which says what its classes and inputs mean. Put it back from a "
                "copy of the run, or train a new run"
            )
        written = read_file(path)
    kind = meaning_kind(resolve_name(ENVIRONMENTS[experiment.task.name].environment))
    try:
        outer = json.loads(written)
        if outer.pop("sha256") != _digest(outer):
            raise ValueError("its content has another digest")
        return KeptData.model_validate({**outer, "meaning": kind.model_validate(outer["meaning"])})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        why = "other fields are expected" if isinstance(problem, ValidationError) else problem
        raise UserError(
            f"{path} is not what training writes ({why}). Put it back from a copy of the run, or train a new run"
        ) from None


def write_kept_data(folder: RunFolder, kept: KeptData) -> None:
    """Write what a run keeps of its data, with a digest of itself. Raises UserError if it cannot be written."""
    content = kept.model_dump(mode="json")
    written = json.dumps({**content, "sha256": _digest(content)}, separators=(",", ":"))  # Vocabularies are long.
    with reporting_write_errors(folder.meaning_path):
        replace_file(folder.meaning_path, f"{written}\n".encode())


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _kept_data_of(train: LoadedEnv, validation: LoadedEnv, origin: Origin | None) -> KeptData:
    """Return what a run keeps of its data."""
    return KeptData(
        meaning=env_meaning(train.env).common(env_meaning(validation.env)),
        contents={"train": content_digest(train.data), "validation": content_digest(validation.data)},
        files=tuple(dict.fromkeys((*train.files, *validation.files))),
        origin=origin,
    )


def _refuse_other_data(folder: RunFolder, kept: KeptData, found: KeptData) -> None:
    """Raise UserError unless the data are those that the run began with, to the bit."""
    if problem := kept.meaning.contradiction(found.meaning):
        raise UserError(f"the data contradict what {folder.path} was trained on: {problem}. {_REMEDY}")
    other = [split for split, digest in kept.contents.items() if found.contents[split] != digest]
    if other:
        changed = kept.changes(found.files)
        why = f"{changed} changed since" if changed else "they are read or generated otherwise than then"
        raise UserError(
            f"the {' and '.join(other)} data are not those that {folder.path} began with: {why}, so that it could not "
            f"be continued exactly. {_REMEDY}"
        )


def _say_what_differs(kept: KeptData, loaded: LoadedEnv, split: str, say: Any) -> None:
    """Tell the user which files have changed since training, and which classes have no examples."""
    if changed := kept.changes(loaded.files):
        say(f"note: {changed} changed since the run began; its own classes and words are used")
        say("note: examples of a split that is cut from a changed file may be among those that the run was trained on")
    say_missing_classes(loaded.env, split, say)


def say_missing_classes(env: Any, split: str, say: Any) -> None:
    """Tell the user which classes have no examples in an environment's split."""
    counts = env.class_counts() if counts_classes(env) else {}
    if missing := [name for name, count in counts.items() if not count]:
        named = ", ".join(map(repr, missing[:10])) + (" ..." if len(missing) > 10 else "")
        say(f"note: no {split} example has the {'label' if getattr(env, 'many', False) else 'class'} {named}")

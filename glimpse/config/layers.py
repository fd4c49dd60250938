"""Layers of a config: the files that a file extends, the file itself, then the command line.

Each goes on top of those before it, and every mistake is reported with the layer that it came from.
"""

from typing import Any

from pydantic import ValidationError

from glimpse.config.experiment import Experiment
from glimpse.config.mistakes import Mistake, describe, dotted
from glimpse.config.parts import chosen, default_kind, kinds_of, written_out
from glimpse.config.section_types import tag
from glimpse.errors import UserError

_OF_THE_ENVIRONMENT = ("data", "canvas")
"""Options of a task that describe its environment: they are dropped when another environment is named."""


class Layers:
    """Merged layers so far, with the layer that each key's value came from.

    Attributes:
        data: The layers' values, merged.
        sources: For each path of keys the layer that last touched it; the empty path is the main file.
        notes: A line for each group of keys that a later layer drops.
        mistakes: Lines about mistakes; readers of a layer add theirs.
    """

    def __init__(self, name: str) -> None:
        """Start with nothing; `name` is the main file's."""
        self.data: dict[str, Any] = {}
        self.sources: dict[tuple[str, ...], str] = {(): name}
        self.notes: list[str] = []
        self.mistakes: list[str] = []

    def lay(self, upper: dict[str, Any], source: str, noted: bool = True) -> None:
        """Put another layer on top; mappings are merged, all else is replaced.

        Args:
            upper: The layer.
            source: Where it is from.
            noted: Whether to note the keys that it drops.
        """
        before = len(self.notes)
        self._refuse_empty(upper, self.data, (), source)
        upper = written_out(Experiment, upper, self.data)
        self._drop_within(Experiment, Experiment, self.data, upper, (), source)
        self._drop_other_budget(upper, source)
        self._merge(self.data, upper, (), source)
        if not noted:
            del self.notes[before:]

    def validate(self) -> Experiment:
        """Check the merged layers and return the experiment.

        Raises:
            UserError: With all mistakes that were found in the layers.
        """
        try:
            experiment = Experiment.model_validate(_with_tuples(self.data), strict=True)
        except ValidationError as error:
            self.mistakes += map(self._line, describe(error, Experiment, self.data))
        if self.mistakes:
            raise UserError("\n".join(self.mistakes))
        return experiment

    def _line(self, mistake: Mistake) -> str:
        path = mistake.path
        while path not in self.sources:
            path = path[:-1]
        return f"{self.sources[path]}: {dotted(mistake.path)}: {mistake.text}"

    def _merge(self, lower: dict[str, Any], upper: dict[str, Any], path: tuple[str, ...], source: str) -> None:
        for key, value in upper.items():
            self.sources[*path, key] = source
            if isinstance(value, dict):
                if not isinstance(lower.get(key), dict):
                    lower[key] = {}
                self._merge(lower[key], value, (*path, key), source)
            else:
                lower[key] = value

    def _refuse_empty(self, upper: Any, lower: Any, path: tuple[str, ...], source: str) -> None:
        """Refuse `{}` on top of a section with keys: it may be meant to empty the section, but would change nothing."""
        if not isinstance(upper, dict) or not isinstance(lower, dict):
            return
        if path and lower and not upper:
            given = ", ".join(f"{'.'.join(path)}.{key}" for key in lower)
            text = "{} changes nothing, because sections are merged key by key; to take it back, give the values of"
            self.mistakes.append(f"{source}: {'.'.join(path)}: {text} {given}")
        for key, value in upper.items():
            self._refuse_empty(value, lower.get(key), (*path, key), source)

    def _drop_within(self, was: Any, becomes: Any, old: Any, new: Any, path: tuple[str, ...], source: str) -> None:
        """Drop options that only the old variant has where a section, or a part of it, becomes another variant.

        `was` and `becomes` are its types: with another agent, a part of the same name may be of other kinds.
        """
        if not isinstance(old, dict) or not isinstance(new, dict):
            return
        before, after = chosen(was, old), chosen(becomes, {**old, **new})
        if before is None or after is None:
            return
        key = "kind" if kinds_of(before) else tag(was)
        lost = set(before.model_fields) - set(after.model_fields)
        lost |= set(_OF_THE_ENVIRONMENT) if path == ("task",) and old[key] != new.get(key, old[key]) else set()
        if dropped := [name for name in old if name in lost]:
            names = ", ".join(".".join((*path, name)) for name in dropped)
            now, then = new.get(key, default_kind(after)), old.get(key, default_kind(before))
            self.notes.append(f"{source}: {'.'.join((*path, key))}={now} instead of {then} drops {names}")
        for name in dropped:
            del old[name]
        if key == "kind" and key not in new and old.get(key) not in kinds_of(after):
            old.pop(key, None)
        for name, field in after.model_fields.items():
            known = before.model_fields.get(name, field)
            inner = old.get(name), new.get(name, {}), (*path, name)
            self._drop_within(known.annotation, field.annotation, *inner, source)

    def _drop_other_budget(self, upper: dict[str, Any], source: str) -> None:
        """Drop `train.steps` where a later layer gives `train.minutes`, and the other way round."""
        old, new = _section(self.data, "train"), _section(upper, "train")
        for given, other in (("steps", "minutes"), ("minutes", "steps")):
            if new.get(given) is not None and new.get(other) is None and old.get(other) is not None:
                self.notes.append(f"{source}: train.{given}={new[given]} drops train.{other}={old.pop(other)}")


def _section(data: dict[str, Any], key: str) -> dict[str, Any]:
    section = data.get(key)
    return section if isinstance(section, dict) else {}


def _with_tuples(value: Any) -> Any:
    """Turn lists into tuples, which strict pydantic demands for the options' tuples."""
    if isinstance(value, dict):
        return {key: _with_tuples(inner) for key, inner in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value

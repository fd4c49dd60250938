"""Options of the translation environments; imports pydantic only."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, JsonValue, ValidationInfo, field_validator

from glimpse.envs.data.registry import PARALLEL_SETS
from glimpse.envs.data.sources import unknown_name_error
from glimpse.envs.options import TaskDescription, TaskOptions, data_title

RANDOM_STRINGS = ("copy", "reverse")
_LANGUAGE: dict[str, JsonValue] = {
    "expected": "a language as in the file names, such as en, of letters, digits, _ and -"
}


class TranslationOptions(TaskOptions):
    """The parallel texts of a translation task, and how they are divided into tokens."""

    of_data: ClassVar[frozenset[str]] = frozenset({"data", "validation", "test", "encoding", "strings", "longest"})

    data: str = Field(
        "multi30k",
        description="multi30k; copy or reverse (strings of random symbols); or file:PREFIX, your own texts, one "
        "sentence per line, in PREFIX.SOURCE and PREFIX.TARGET (optionally with .gz or .xz appended).",
    )
    source: str = Field(
        "en",
        pattern=r"^\w[\w-]*$",
        json_schema_extra=_LANGUAGE,
        description="Source language, as in the file names: en.",
    )
    target: str = Field(
        "de",
        pattern=r"^\w[\w-]*$",
        json_schema_extra=_LANGUAGE,
        validate_default=True,
        description="Target language, as in the file names: de.",
    )
    validation: str | None = Field(
        None,
        description="file:PREFIX of the validation part, for your own texts; without it a tenth of training is "
        "held out.",
    )
    test: str | None = Field(
        None,
        description="multi30k: test_2016_flickr (the default), test_2017_flickr or test_2017_mscoco. Your own texts: "
        "file:PREFIX of the test part; without it the validation part is used.",
    )
    encoding: Literal["utf-8", "latin-1"] = Field("utf-8", description="Character encoding of your own files.")
    tokenizer: Literal["subwords", "words"] = Field(
        "subwords",
        description="Tokens of a sentence: subwords of byte pair encoding (Sennrich et al., 2016), or words.",
    )
    vocabulary: int = Field(
        8000,
        ge=8,
        le=1_000_000,
        description="Largest size of a vocabulary, which always has all letters; per language if not shared.",
    )
    shared: bool = Field(True, description="Whether both languages share one vocabulary.")
    lower: bool = Field(False, description="Whether all texts are converted to lower case.")
    max_tokens: int = Field(
        100,
        ge=1,
        le=10_000,
        description="Longest sentence, in tokens: longer pairs are left out of training, and cut elsewhere.",
    )
    strings: int = Field(10_000, ge=10, le=10_000_000, description="copy and reverse: number of training pairs.")
    symbols: int = Field(10, ge=2, le=26, description="copy and reverse: number of different symbols.")
    longest: int = Field(10, ge=1, le=100, description="copy and reverse: length of the longest string, in symbols.")

    @property
    def title(self) -> str:
        """Name of the data set, with its languages where it has any."""
        return self.data if self.data in RANDOM_STRINGS else f"{data_title(self.data)}, {self.source}-{self.target}"

    def describe(self) -> TaskDescription:
        """Return the cells of `glimpse list environments`."""
        return TaskDescription(f"{self.data}, {self.source}-{self.target}", "a whole sentence", steps="1")

    @property
    def held_out(self) -> tuple[str, ...]:
        """`validation` where that is held out of training; a missing test part is the validation part."""
        return tuple(part for part in super().held_out if part == "validation")

    @classmethod
    def on_other_data(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parts of other data: files are evaluated whole."""
        if "data" not in given:
            return {}
        file = given["data"] if names_a_file(str(given["data"])) else None
        return {"validation": file, "test": file, **({} if file else {"encoding": "utf-8"})}

    @field_validator("data")
    @classmethod
    def _data_set_is_known(cls, data: str) -> str:
        """Check that the data set is known; the base class knows data sets of pictures instead."""
        if data not in (*PARALLEL_SETS, *RANDOM_STRINGS) and not names_a_file(data):
            raise unknown_name_error(data, [*PARALLEL_SETS, *RANDOM_STRINGS, "file:PREFIX"], "parallel data set")
        return data

    @field_validator("target")
    @classmethod
    def _languages_exist(cls, target: str, info: ValidationInfo) -> str:
        """Check that the data set has both languages, and that they differ."""
        data, source = info.data.get("data", ""), info.data.get("source")
        if data in PARALLEL_SETS and source is not None:  # Of a wrong one the user is told.
            known = PARALLEL_SETS[data].languages
            if {source, target} - set(known):
                raise ValueError(f"{data} has the languages {', '.join(known)} (got {source} and {target})")
        if source == target and data not in RANDOM_STRINGS:
            raise ValueError(f"should be another language than the source, which is {source!r}")
        return target

    @field_validator("validation")
    @classmethod
    def _validation_belongs_to_a_file(cls, validation: str | None, info: ValidationInfo) -> str | None:
        data = info.data.get("data")
        if validation is None or data is None:
            return validation
        if not names_a_file(data):
            raise ValueError(f"applies to `task.data=file:PREFIX` only (data is {data!r})")
        return _file(validation)

    @field_validator("test")
    @classmethod
    def _test_is_known(cls, test: str | None, info: ValidationInfo) -> str | None:
        data = info.data.get("data")
        if test is None or data is None:
            return test
        if names_a_file(data):
            return _file(test)
        known = PARALLEL_SETS[data].tests if data in PARALLEL_SETS else ()
        if test not in known:
            raise ValueError(f"should be one of {', '.join(known) or 'none'} of {data} (got {test!r})")
        return test


class SimultaneousTranslationOptions(TranslationOptions):
    """Simultaneous translation: the source is read token by token, and translated meanwhile."""

    delay_cost: float = Field(0.02, ge=0, le=1e6, description="Penalty on the reward for each source token of lag.")
    lagging: Literal["average", "differentiable"] = Field(
        "average",
        description="Measure of the lag: average lagging (Ma et al., 2019), or differentiable average lagging "
        "(Cherry and Foster, 2019), which a few early tokens followed by a long wait do not make small.",
    )

    def describe(self) -> TaskDescription:
        """Return the cells of `glimpse list environments`."""
        steps = f"up to {2 * self.max_tokens + 2}"
        return super().describe()._replace(picture="a token a step", steps=steps)


def names_a_file(data: str) -> bool:
    """Return whether `data` names a user's own files, file:PREFIX."""
    return data.startswith("file:") and len(data) > len("file:")


def _file(given: str) -> str:
    """Return `file:PREFIX`, or raise ValueError if it is something else."""
    if not names_a_file(given):
        raise ValueError(f"should be file:PREFIX (got {given!r})")
    return given

"""The options of the world that asks for translations; pydantic only."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from glimpse.envs.options import WorldOptions

RANDOM_STRINGS = ("copy", "reverse")


class TranslationOptions(WorldOptions):
    """Which parallel texts are read, and how they become numbered pieces."""

    name: Literal["translate"] = Field(description="Which world.")
    data: str = Field(
        "multi30k",
        description="multi30k; copy or reverse, strings of random symbols; or file:PREFIX, texts of your own, "
        "a sentence a line, in PREFIX.SOURCE and PREFIX.TARGET (or with .gz, .xz after that).",
    )
    source: str = Field("en", pattern=r"^\w[\w-]*$", description="Language that is read, as files end: en.")
    target: str = Field("de", pattern=r"^\w[\w-]*$", validate_default=True, description="Language that is written.")
    validation: str | None = Field(
        None, description="file:PREFIX: the validation part, file:PREFIX too; without it a tenth of training is held."
    )
    test: str | None = Field(
        None,
        description="multi30k: test_2016_flickr (the default), test_2017_flickr or test_2017_mscoco. file:PREFIX: the "
        "test part, file:PREFIX too; without it the validation part takes its place.",
    )
    encoding: Literal["utf-8", "latin-1"] = Field("utf-8", description="file:PREFIX: how its characters are stored.")
    pieces: Literal["subwords", "words"] = Field(
        "subwords", description="What a sentence is divided into: byte pair encoding (Sennrich et al., 2016), or words."
    )
    vocabulary: int = Field(
        8000, ge=8, description="Different pieces at most, besides all letters, of each language where not shared."
    )
    shared: bool = Field(True, description="Whether both languages have one vocabulary, or each its own.")
    lower: bool = Field(False, description="Whether capitals become small letters.")
    max_pieces: int = Field(
        100, ge=1, description="Training leaves out pairs of which a sentence has more pieces; others are cut."
    )
    strings: int = Field(10_000, ge=10, description="copy and reverse: how many training pairs.")
    symbols: int = Field(10, ge=2, le=26, description="copy and reverse: different symbols.")
    longest: int = Field(10, ge=1, le=100, description="copy and reverse: symbols of the longest string.")

    @property
    def shown(self) -> str:
        """The data, and from which language to which."""
        return self.data if self.data in RANDOM_STRINGS else f"{self.data}, {self.source}-{self.target}"

    @field_validator("data")
    @classmethod
    def _data_set_is_known(cls, data: str) -> str:
        """In place of the data sets of pictures."""
        from glimpse.envs.data.sources import unknown
        from glimpse.envs.translation.parallel_texts import PARALLEL_SETS

        if data not in (*PARALLEL_SETS, *RANDOM_STRINGS) and not names_a_file(data):
            raise unknown(data, [*PARALLEL_SETS, *RANDOM_STRINGS, "file:PREFIX"], "parallel data set")
        return data

    @field_validator("target")
    @classmethod
    def _languages_are_there(cls, target: str, info: ValidationInfo) -> str:
        from glimpse.envs.translation.parallel_texts import PARALLEL_SETS

        data, source = info.data.get("data", ""), info.data.get("source", "")
        if data in PARALLEL_SETS:
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
            raise ValueError(f"has a meaning for `data: file:PREFIX` alone (data is {data!r})")
        return _file(validation)

    @field_validator("test")
    @classmethod
    def _test_is_known(cls, test: str | None, info: ValidationInfo) -> str | None:
        from glimpse.envs.translation.parallel_texts import PARALLEL_SETS

        data = info.data.get("data")
        if test is None or data is None:
            return test
        if names_a_file(data):
            return _file(test)
        known = PARALLEL_SETS[data].tests if data in PARALLEL_SETS else ()
        if test not in known:
            raise ValueError(f"should be one of {', '.join(known) or 'none'} of {data} (got {test!r})")
        return test


def names_a_file(data: str) -> bool:
    """Whether data are a user's own."""
    return data.startswith("file:") and len(data) > len("file:")


def _file(given: str) -> str:
    if not names_a_file(given):
        raise ValueError(f"should be file:PREFIX (got {given!r})")
    return given

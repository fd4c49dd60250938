"""The options of text data, checked before anything heavy is imported: pydantic only."""

from typing import Literal

from pydantic import Field, NonNegativeInt, ValidationInfo, field_validator

from glimpse.envs.options import WorldOptions

Column = str | NonNegativeInt


class TextOptions(WorldOptions):
    """Which texts are read, how they become numbered words, and which vectors the words begin with."""

    data: str = Field(
        "sst2",
        description="A data set (`glimpse data list`), or file:PATH, a .tsv, .csv or .jsonl (or .gz, .xz of it).",
    )
    fold: int = Field(0, ge=0, le=9, description="Where there is no test part: which of ten folds takes its place.")
    validation: str | None = Field(
        None, description="file:PATH: the validation part, file:PATH too; without it a tenth of training is held out."
    )
    test: str | None = Field(
        None, description="file:PATH: the test part, file:PATH too; without it fold `fold` of training is held out."
    )
    text: Column = Field("text", description="file:PATH: the text's column, by name; or by number from 0: no header.")
    text2: Column | None = Field(None, description="file:PATH: the second text's column, where texts come in pairs.")
    label: Column = Field("label", validate_default=True, description="file:PATH: the label's column.")
    labels: Literal["classes", "scores"] = Field(
        "classes", description="file:PATH: whether labels name classes, or are numbers to be predicted."
    )
    encoding: Literal["utf-8", "latin-1"] = Field("utf-8", description="file:PATH: how its characters are stored.")
    lower: bool = Field(True, description="Whether capitals become small letters.")
    max_words: int | None = Field(
        None, ge=1, description="Words of a text (of each sentence, in documents) that are read; by default all."
    )
    max_sentences: int | None = Field(None, ge=1, description="Sentences of a document that are read; by default all.")
    min_count: int = Field(1, ge=1, description="How often training must show a word that has no vector.")
    vocabulary: Literal["training", "splits", "all"] = Field(
        "splits",
        description="Words known: those of training; with those of validation and test that have a vector (the "
        "answers are as with `all`, and fewer rows are kept); or with every word that has one.",
    )
    vectors: str = Field(
        "glove", description="none, glove (6B, 50 numbers a word), or file:PATH, a text file in GloVe's format."
    )
    unknown_scale: float = Field(
        0.1, ge=0, description="Standard deviation of the vectors, drawn once, of words that have none."
    )

    @field_validator("data")
    @classmethod
    def _data_set_is_known(cls, data: str) -> str:
        """In place of the data sets of pictures."""
        from glimpse.envs.data.sources import unknown
        from glimpse.envs.text.text_sets import TEXT_SETS

        if data not in TEXT_SETS and not _names_a_file(data):
            if data.endswith((".tsv", ".csv", ".jsonl", ".gz", ".xz")):
                raise ValueError(f"should be file:{data} for a file of your own (got {data!r})")
            raise unknown(data, [*TEXT_SETS, "file:PATH"], "text data set")
        return data

    @field_validator("fold")
    @classmethod
    def _folds_are_without_a_test_part(cls, fold: int, info: ValidationInfo) -> int:
        from glimpse.envs.text.text_sets import TEXT_SETS

        data = info.data.get("data")
        if fold and data in TEXT_SETS and TEXT_SETS[data].test:
            raise ValueError(f"has no meaning, because {data} has an official test part (got {fold})")
        return fold

    @field_validator("validation", "test", "text", "text2", "label", "labels", "encoding")
    @classmethod
    def _belongs_to_a_file(cls, value: Column | None, info: ValidationInfo) -> Column | None:
        """What is in a known data set is known."""
        data, default = info.data.get("data"), cls.model_fields[str(info.field_name)].default
        if value != default and data is not None and not _names_a_file(data):
            raise ValueError(f"has a meaning for `data: file:PATH` alone (data is {data!r})")
        return value

    @field_validator("validation", "test")
    @classmethod
    def _is_a_file(cls, value: str | None) -> str | None:
        if value is not None and not _names_a_file(value):
            raise ValueError(f"should be file:PATH (got {value!r})")
        return value

    @field_validator("text2", "label")
    @classmethod
    def _is_named_like_the_text(cls, value: Column | None, info: ValidationInfo) -> Column | None:
        """A file has a header, or it has none."""
        text = info.data.get("text")
        if value is not None and text is not None and isinstance(value, str) != isinstance(text, str):
            raise ValueError(
                f"should be a {'name' if isinstance(text, str) else 'number'}, as `text` is (got {value!r}): "
                "columns are named where there is a header, and numbered where there is none"
            )
        return value

    @field_validator("vectors")
    @classmethod
    def _vectors_are_known(cls, vectors: str) -> str:
        if vectors not in ("none", "glove") and not _names_a_file(vectors):
            raise ValueError(f"should be none, glove or file:PATH (got {vectors!r})")
        return vectors


def _names_a_file(data: str) -> bool:
    return data.startswith("file:") and len(data) > len("file:")

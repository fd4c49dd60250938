"""Options of the text environments; only pydantic is imported, so that they are checked at once."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from glimpse.envs.data.registry import TEXT_SETS
from glimpse.envs.data.sources import unknown_name_error
from glimpse.envs.options import ClassWeights, Column, LabelKindName, Labels, TaskDescription, TaskOptions, data_title

_TOKENS = ("words", "characters", "subwords", "jieba")


class TextOptions(TaskOptions):
    """Options of text data: which texts are read, how they become numbered words, and the initial word vectors."""

    of_data: ClassVar[frozenset[str]] = frozenset(
        {"data", "fold", "validation", "test", "text", "text2", "label", "labels", "encoding"}
    )

    data: str = Field(
        "sst2",
        description="A data set (`glimpse data list`), or file:PATH, a .tsv, .csv or .jsonl file (or .gz, .xz of it).",
    )
    fold: int = Field(
        0, ge=0, le=9, description="Which of ten folds is the test split, if the data set has no test part."
    )
    validation: str | None = Field(
        None,
        description="With file:PATH: the validation file, as file:PATH; by default a tenth of training is held out.",
    )
    test: str | None = Field(
        None, description="With file:PATH: the test file, as file:PATH; by default fold `fold` of training is held out."
    )
    text: Column = Field(
        "text", description="With file:PATH: column of the text, by name; or by number from 0: no header."
    )
    text2: Column | None = Field(None, description="With file:PATH: column of the second text of pairs.")
    label: Column = Field("label", validate_default=True, description="With file:PATH: column of the label.")
    labels: Labels = "classes"
    encoding: Literal["utf-8", "latin-1"] = Field(
        "utf-8", description="With file:PATH: character encoding of the file."
    )
    lower: bool = Field(True, description="Whether texts are lower-cased.")
    tokens: str = Field(
        "words",
        description="Tokens of a text: words; characters, for Chinese, Japanese, Thai and other scripts without "
        "spaces: each of their letters is then a token of its own, and words of other scripts stay whole; jieba, for "
        "Chinese words; subwords, learned from training; or file:PATH of a Hugging Face tokenizer.json, whose own "
        "rules decide about capitals, so that `lower` has no effect.",
    )
    subwords: int = Field(
        8000,
        ge=100,
        le=200_000,
        description="With tokens: subwords: the largest number of subwords; all letters are there in any case.",
    )
    max_words: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Maximum number of words of a text, or of each sentence of a document; by default all.",
    )
    max_sentences: int | None = Field(
        None, ge=1, le=1_000_000, description="Maximum number of sentences of a document; by default all."
    )
    min_count: int = Field(
        1, ge=1, le=1_000_000, description="How often a word without a vector must occur in training to be known."
    )
    vocabulary: Literal["training", "splits", "all"] = Field(
        "splits",
        description="Known words: those of training; `splits`: also those of validation and test that have a vector "
        "(the answers are as with `all`, with fewer rows in memory); `all`: every word that has a vector.",
    )
    vectors: str = Field(
        "glove",
        description="Initial word vectors: none, glove (6B, 50 numbers a word), or file:PATH, a text file of GloVe, "
        "word2vec or fastText.",
    )
    unknown_scale: float = Field(
        0.1, ge=0, le=1000, description="Standard deviation of the random initial vectors of words that have none."
    )

    @property
    def title(self) -> str:
        """The data set's name; of a user's own file its name, without the path."""
        return data_title(self.data)

    def describe(self) -> TaskDescription:
        """Return the cells of `glimpse list environments`."""
        return TaskDescription(self.data, "a whole text", steps="1")

    @classmethod
    def on_other_data(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parts of other data: a file is evaluated whole. Columns are named as before, if it is a file."""
        if "data" not in given:
            return {}
        file = given["data"] if _names_a_file(str(given["data"])) else None
        columns = () if file else ("text", "text2", "label", "labels", "encoding")
        usual = {name: cls.model_fields[name].default for name in columns}
        return {"fold": 0, "validation": file, "test": file, **usual}

    @field_validator("data")
    @classmethod
    def _data_set_is_known(cls, data: str) -> str:
        """Accept the text data sets of the registry, and a user's own file."""
        if data not in TEXT_SETS and not _names_a_file(data):
            if data.endswith((".tsv", ".csv", ".jsonl", ".gz", ".xz")):
                raise ValueError(f"should be file:{data} for a file of your own (got {data!r})")
            raise unknown_name_error(data, [*TEXT_SETS, "file:PATH"], "text data set")
        return data

    @field_validator("fold")
    @classmethod
    def _folds_are_without_a_test_part(cls, fold: int, info: ValidationInfo) -> int:
        data = info.data.get("data")
        if fold and data is not None and data in TEXT_SETS and TEXT_SETS[data].test:
            raise ValueError(f"should be 0, because {data} has an official test part (got {fold})")
        return fold

    @field_validator("validation", "test", "text", "text2", "label", "labels", "encoding")
    @classmethod
    def _belongs_to_a_file(cls, value: Column | None, info: ValidationInfo) -> Column | None:
        """Refuse options that describe a user's file if the data set is a known one."""
        data, default = info.data.get("data"), cls.model_fields[str(info.field_name)].default
        if value != default and data is not None and not _names_a_file(data):
            raise ValueError(f"applies to `task.data=file:PATH` only (data is {data!r})")
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
        """Refuse names together with numbers: a file has a header, or it has none."""
        text = info.data.get("text")
        if value is not None and text is not None and isinstance(value, str) != isinstance(text, str):
            raise ValueError(
                f"should be a {'name' if isinstance(text, str) else 'number'}, as `text` is (got {value!r}): "
                "columns are named where there is a header, and numbered where there is none"
            )
        return value

    @field_validator("tokens")
    @classmethod
    def _tokens_are_known(cls, tokens: str) -> str:
        """Accept the kinds of tokens, and a tokenizer's file, also by its bare path."""
        if tokens in _TOKENS or _names_a_file(tokens):
            return tokens
        if tokens.endswith(".json"):
            return f"file:{tokens}"
        raise unknown_name_error(tokens, [*_TOKENS, "file:PATH"], "kind of tokens", " PATH is a tokenizer.json")

    @field_validator("subwords")
    @classmethod
    def _subwords_are_the_tokens(cls, size: int, info: ValidationInfo) -> int:
        tokens = info.data.get("tokens", "subwords")
        if size != cls.model_fields["subwords"].default and tokens != "subwords":
            raise ValueError(f"applies to `tokens: subwords` only (tokens is {tokens!r})")
        return size

    @field_validator("vectors")
    @classmethod
    def _vectors_are_known(cls, vectors: str) -> str:
        if vectors not in ("none", "glove") and not _names_a_file(vectors):
            raise ValueError(f"should be none, glove or file:PATH (got {vectors!r})")
        return vectors


def _names_a_file(data: str) -> bool:
    return data.startswith("file:") and len(data) > len("file:")


class WholeTextOptions(TextOptions):
    """Options of the environment that shows a whole text, or a pair, and asks for a class, a score or labels."""

    sentences: bool = Field(False, description="Whether documents are divided into sentences.")
    class_weights: ClassWeights = None


class SkimOptions(TextOptions):
    """Options of reading a text from left to right by windows, with jumps between them."""

    label_kinds: ClassVar[tuple[LabelKindName, ...]] = ("classes",)

    sentences: bool = Field(False, description="Whether windows and jumps are counted in sentences instead of words.")
    window: int = Field(2, ge=1, le=10_000, description="R: number of words, or sentences, in a window.")
    choice: Literal["jump", "keep"] = Field(
        "jump",
        description="What is chosen: a jump to an unseen window; or whether to read the next one, which is seen.",
    )
    longest_jump: int = Field(
        5,
        ge=1,
        le=10_000,
        description="K: the longest jump; a jump of k skips k - 1 words or sentences; with `choice: jump`.",
    )
    jumps: int = Field(
        10,
        ge=1,
        le=1000,
        description="N: maximum number of jumps, or of windows kept or skipped; at most N + 1 windows are read.",
    )
    cost: float = Field(0.0, ge=0, le=1e6, description="Subtracted from the reward for each word that is read.")
    class_weights: ClassWeights = None

    def describe(self) -> TaskDescription:
        """Return the cells of `glimpse list environments`."""
        unit = "sentence" if self.sentences else "word"
        size = f"{self.window} {unit}{'s' if self.window > 1 else ''} a step"
        return TaskDescription(self.data, size, steps=f"up to {self.jumps + 1}")


class SelectOptions(TextOptions):
    """Options of selecting the words that a classifier reads, in one step."""

    label_kinds: ClassVar[tuple[LabelKindName, ...]] = ("classes",)

    cost: float = Field(
        0.1, ge=0, le=1e6, description="Lambda: cost of selecting all words, subtracted from log p of the label."
    )
    sparsity: Literal["product", "mean", "sum"] = Field(
        "product",
        description="Sparsity term of the shares of heads and dependents: product (the share of pairs), mean or sum.",
    )

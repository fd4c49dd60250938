"""Options of the environments that search documents; only pydantic is imported, so that they are checked at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from glimpse.envs.data.registry import QUESTION_SETS, TEXT_SETS
from glimpse.envs.data.sources import unknown_name_error
from glimpse.envs.options import TaskDescription, TaskOptions

GENERATED = "generated"
"""Filler of generated sentences."""
_VECTORS = "hashing, glove, file:PATH, model2vec:PATH or sentence-transformers:PATH"


def check_vectors(kind: str) -> str:
    """Return a kind of vectors of sentences; raises ValueError for an unknown one."""
    name, colon, path = kind.partition(":")
    if kind in ("hashing", "glove") or (name in ("file", "model2vec", "sentence-transformers") and path):
        return kind
    raise ValueError(f"should be {_VECTORS} (got {kind!r})")


class DocumentSearchOptions(TaskOptions):
    """Options of searching a store of sentences: what is offered, what an opened sentence costs, what is rewarded."""

    point: Literal["choose", "query"] = Field(
        "choose",
        description="How a sentence is pointed at: choose one of the candidates that the ranker offers; or query, a "
        "vector: the sentence that is nearest to it is opened.",
    )
    ranker: Literal["bm25", "cosine", "random", "first", "gold"] = Field(
        "bm25",
        description="What orders the candidates: bm25; cosine of the sentences' vectors; and the controls random, "
        "first (in the order of the documents) and gold (evidence first).",
    )
    candidates: int = Field(16, ge=1, le=1000, description="K: number of candidates.")
    expand: float = Field(
        0.0,
        ge=0,
        le=100,
        description="Weight of the words of opened sentences in the ranker's query, without the most common ones; a "
        "sentence counts no more than one of the question's length. 0 ranks by the question alone.",
    )
    opens: int = Field(4, ge=1, le=100, description="T: how many sentences may be opened in an episode.")
    cost: float = Field(0.0, ge=0, le=1e6, description="Subtracted from the reward for each sentence that is opened.")
    reward: Literal["answer", "evidence", "both"] = Field(
        "answer",
        description="What is worth 1 at the end: a right answer; that a whole group of evidence was opened; or both "
        "together.",
    )
    max_question: int = Field(48, ge=1, le=1000, description="Q: maximum number of words of a question.")
    max_words: int = Field(64, ge=1, le=1000, description="W: maximum number of words of an opened sentence.")
    preview: int = Field(
        32, ge=1, le=1000, description="P: how many words of a candidate are seen before it is opened."
    )
    titles: bool = Field(True, description="Whether a sentence is shown with its document's title in front.")
    min_count: int = Field(
        2, ge=1, le=1_000_000, description="How often a word without a vector must occur in the documents to be known."
    )
    vectors: str = Field("glove", description="Initial word vectors of the agent: none, glove or file:PATH.")
    unknown_scale: float = Field(
        0.1, ge=0, le=1000, description="Standard deviation of the random initial vectors of words that have none."
    )
    sentence_vectors: str = Field("hashing", description=f"Vectors of the store's sentences: {_VECTORS}.")

    @field_validator("vectors")
    @classmethod
    def _word_vectors_are_known(cls, vectors: str) -> str:
        if vectors not in ("none", "glove") and not _names_a_file(vectors):
            raise ValueError(f"should be none, glove or file:PATH (got {vectors!r})")
        return vectors

    @field_validator("sentence_vectors")
    @classmethod
    def _sentence_vectors_are_known(cls, kind: str) -> str:
        return check_vectors(kind)


class EvidenceOptions(DocumentSearchOptions):
    """Options of finding evidence in documents, and answering."""

    of_data: ClassVar[frozenset[str]] = frozenset({"data", "documents", "validation", "test", "store", "reward"})

    data: str = Field(
        "eraser-fever", description="A data set of questions (`glimpse data list`), or file:PATH, a .jsonl file."
    )
    documents: str | None = Field(
        None,
        description="With file:PATH: the folder of documents that is searched; by default `documents` beside the file.",
    )
    validation: str | None = Field(
        None, description="With file:PATH: the validation file, as file:PATH; by default a tenth of training."
    )
    test: str | None = Field(
        None, description="With file:PATH: the test file, as file:PATH; by default a tenth of the questions."
    )
    store: Literal["own", "whole"] = Field(
        "whole", description="What is searched: the question's own documents, or all documents of the data set."
    )

    def describe(self) -> TaskDescription:
        """Return the cells of `glimpse list environments`."""
        searched = "all documents" if self.store == "whole" else "a question's documents"
        return TaskDescription(self.data, searched, f"{self.candidates} candidates", f"up to {self.opens + 1}")

    @classmethod
    def on_other_data(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parts of other data: a file is evaluated whole, and the same documents are searched."""
        if "data" not in given:
            return {}
        if not _names_a_file(str(given["data"])):
            return {"validation": None, "test": None, "documents": None}
        return {"validation": given["data"], "test": given["data"]}

    @field_validator("data")
    @classmethod
    def _data_set_is_known(cls, data: str) -> str:
        """Accept the question sets of the registry, and a user's own file."""
        if data not in QUESTION_SETS and not _names_a_file(data):
            if data.endswith((".jsonl", ".jsonl.gz", ".jsonl.xz")):
                raise ValueError(f"should be file:{data} for a file of your own (got {data!r})")
            raise unknown_name_error(data, [*QUESTION_SETS, "file:PATH"], "data set of questions")
        return data

    @field_validator("documents")
    @classmethod
    def _folder_belongs_to_a_file(cls, folder: str | None, info: ValidationInfo) -> str | None:
        data = info.data.get("data")
        if folder is not None and data is not None and not _names_a_file(data):
            raise ValueError(f"applies to `task.data=file:PATH` only (data is {data!r})")
        return folder

    @field_validator("validation", "test")
    @classmethod
    def _is_a_file(cls, value: str | None, info: ValidationInfo) -> str | None:
        data = info.data.get("data")
        if value is not None and not _names_a_file(value):
            raise ValueError(f"should be file:PATH (got {value!r})")
        if value is not None and data is not None and not _names_a_file(data):
            raise ValueError(f"applies to `task.data=file:PATH` only (data is {data!r})")
        return value


_LEAST_WORDS = 10
"""Words that a fact or a distractor takes of a text, at least."""


class FactsOptions(DocumentSearchOptions):
    """Options of questions about generated facts that are hidden among other sentences."""

    of_data: ClassVar[frozenset[str]] = frozenset({"words", "filler", "distractors", "seed"})

    facts: int = Field(2, ge=1, le=3, description="How many facts a question needs.")
    question: Literal["all", "where", "gave", "first"] = Field(
        "all",
        description="What is asked: where somebody or something is; who got something, or where it is now; which of "
        "two was sold first, with two facts only; or all of these.",
    )
    words: int = Field(
        4000, ge=500, le=1_000_000, description="Number of words of a text, facts included; of whole sentences."
    )
    filler: str = Field(
        GENERATED,
        description="What facts are hidden among: generated, imdb, agnews-10k or another text data set, eraser-fever, "
        "or folder:PATH.",
    )
    others: int = Field(8, ge=0, le=16, description="Number of facts that the question does not need.")
    distractors: int = Field(
        0,
        ge=0,
        le=64,
        description="How many of a text's sentences name somebody or something of its facts, half of them of those "
        "that are needed, as a longer text has them by itself; a sentence may be there several times. For texts of "
        "less than 100,000 words.",
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Seed of the questions and facts.")

    def describe(self) -> TaskDescription:
        """Return the cells of `glimpse list environments`."""
        text = f"{self.facts} of {self.facts + self.others} in {self.words:,} words"
        return TaskDescription(self.filler, text, f"{self.candidates} candidates", f"up to {self.opens + 1}")

    @field_validator("facts")
    @classmethod
    def _all_can_be_opened(cls, facts: int, info: ValidationInfo) -> int:
        opens, reward = info.data.get("opens", facts), info.data.get("reward", "answer")
        if opens < facts and reward != "answer":
            because = f"because task.opens is {opens} and task.reward {reward!r}"
            raise ValueError(f"should be {opens} or less {because} (got {facts})")
        return facts

    @field_validator("distractors")
    @classmethod
    def _leave_room_for_text(cls, distractors: int, info: ValidationInfo) -> int:
        room = info.data.get("words", 4000) // _LEAST_WORDS - info.data.get("facts", 2) - info.data.get("others", 8)
        if distractors > (most := max(0, room)):
            raise ValueError(f"should be {most} or less because task.words is {info.data['words']} (got {distractors})")
        return distractors

    @field_validator("question")
    @classmethod
    def _has_so_many_facts(cls, question: str, info: ValidationInfo) -> str:
        if question == "first" and info.data.get("facts", 2) != 2:
            raise ValueError(f"should be all, where or gave because task.facts is {info.data['facts']} (got 'first')")
        return question

    @field_validator("filler")
    @classmethod
    def _filler_is_known(cls, name: str) -> str:
        known = [GENERATED, *TEXT_SETS, *QUESTION_SETS]
        if name not in known and not (name.startswith("folder:") and len(name) > len("folder:")):
            if Path(name).is_dir():
                raise ValueError(f"should be folder:{name} for a folder of your own (got {name!r})")
            raise unknown_name_error(name, [*known, "folder:PATH"], "filler")
        return name

    @field_validator("sentence_vectors")
    @classmethod
    def _facts_have_vectors_of_words(cls, kind: str) -> str:
        if kind.startswith(("model2vec:", "sentence-transformers:")):
            raise ValueError(f"should be hashing, glove or file:PATH, which make vectors of new facts (got {kind!r})")
        return kind


def _names_a_file(data: str) -> bool:
    return data.startswith("file:") and len(data) > len("file:")

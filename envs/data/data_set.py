"""Entries of the registry of data sets: what is in a data set, which files it is made of, and what reads them.

Pydantic, NumPy and torch are not imported here, so that listing and validating cost nothing.
"""

from dataclasses import dataclass
from typing import Literal

from glimpse.envs.data.sources import FileSet

_GENERATED = "is generated from a seed"


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """Facts about a data set of any kind.

    Attributes:
        read: The function that reads it, as `module:function`; each kind says how it is called.
        files: Its files, or None where it needs none.
        origin: Where its examples come from if `files` is None.
        licence: Licence of the data, as their source states it.
        cautions: Where the data come from, and what an agent that learned from them may have learned with them: a line
            for the cards of trained agents.
    """

    read: str
    files: FileSet | None = None
    origin: str = _GENERATED
    licence: str = "not stated"
    cautions: str = ""

    @property
    def is_generated(self) -> bool:
        """True if its examples are made from a seed, so that no people wrote or marked them."""
        return self.files is None and self.origin == _GENERATED


@dataclass(frozen=True, kw_only=True)
class ImageSet(DataSet):
    """Facts about a data set of labelled images.

    Attributes:
        classes: The name of each class, in the order of the labels.
        train: Number of training images, the validation split included.
        test: Number of test images.
        size: (height, width) in pixels.
        read: A function as `glimpse.envs.images.image_data.read_idx_set`, the default, which reads four IDX files
            like those of MNIST.
    """

    classes: tuple[str, ...]
    train: int
    test: int
    size: tuple[int, int]
    read: str = "glimpse.envs.images.image_data:read_idx_set"


@dataclass(frozen=True, kw_only=True)
class BoxedSet(DataSet):
    """Facts about a data set of pictures with boxes of objects.

    Attributes:
        classes: The names of the objects.
        parts: Number of training, validation and test pictures.
        size: (height, width) in pixels.
        read: Where it has no files, a function as `glimpse.envs.images.drawn_cells.draw_cells`; files are laid out as
            those of Pascal VOC.
    """

    classes: tuple[str, ...]
    parts: tuple[int, int, int]
    size: tuple[int, int]
    read: str = ""


@dataclass(frozen=True, kw_only=True)
class TextSet(DataSet):
    """Facts about a data set of labelled texts.

    Attributes:
        example: What an example is: one sentence, two sentences, or a document of many.
        classes: The name of each class, in the order of the labels; none where labels are scores.
        train: Number of training examples, with the validation split where that is held out of them.
        validation: Number of validation examples; 0 where a tenth of the training examples is held out.
        test: Number of test examples; 0 where one of ten folds of the training examples is held out.
        tokens: How a text becomes tokens. "kept": it is tokenised already, and spaces divide it. "split": by
            `tokens.split_word`. "bare": as "split", and tokens of one punctuation mark are dropped.
        missing_spaces: Whether sentences end at . ! and ? alone, but anywhere, because spaces are missing after some.
        scores: The lowest and the highest score, where labels are scores.
        class_counts: Number of examples of each class, in training and validation together; and in all examples where
            there is no test part; empty if not stated.
        test_class_counts: Number of test examples of each class; empty if not stated.
        glove_coverage: The least share of the tokens of any split that have a GloVe vector, in [0, 1];
            0 for languages without.
        note: What to know before results are compared; `glimpse data list` prints it.
        read: A function that is given the content of each file by its name, and the classes, and returns the training,
            validation and test rows, None for a part that does not exist; see `glimpse.envs.text.text_formats`.
    """

    example: Literal["sentence", "pair", "document"]
    classes: tuple[str, ...]
    train: int
    validation: int
    test: int
    tokens: Literal["kept", "split", "bare"] = "split"
    missing_spaces: bool = False
    scores: tuple[float, float] | None = None
    class_counts: tuple[int, ...] = ()
    test_class_counts: tuple[int, ...] = ()
    glove_coverage: float = 0.985
    note: str = ""

    @property
    def size(self) -> str:
        """Numbers of examples as a table cell, such as "6,920 + 872 + 1,821"."""
        if not self.test:
            return f"{self.train:,} in ten folds"
        parts = (self.train, self.validation, self.test) if self.validation else (self.train, self.test)
        return " + ".join(f"{count:,}" for count in parts)


@dataclass(frozen=True, kw_only=True)
class ParallelSet(DataSet):
    """Facts about a data set of sentences and their translations.

    Attributes:
        languages: Languages of the texts; any two of them are parallel.
        tests: Names of its test parts; the first is the usual one.
        size: Number of pairs in training, in validation and in the first test part.
        read: A function as `glimpse.envs.translation.parallel_texts.read_language_files`, the default, which reads
            files that are named PART.LANGUAGE.
    """

    languages: tuple[str, ...]
    tests: tuple[str, ...]
    size: tuple[int, int, int]
    read: str = "glimpse.envs.translation.parallel_texts:read_language_files"


@dataclass(frozen=True, kw_only=True)
class QuestionSet(DataSet):
    """Facts about a data set of questions, or claims, about documents, with the sentences that people marked.

    Attributes:
        classes: The name of each answer, in the order of the labels.
        train: Number of training questions.
        validation: Number of validation questions.
        test: Number of test questions.
        documents: Number of documents of all parts.
        note: What to know before results are compared; `glimpse data list` prints it.
        read: A function as `glimpse.envs.documents.eraser_questions.read_eraser_questions`, the default.
    """

    classes: tuple[str, ...]
    train: int
    validation: int
    test: int
    documents: int
    note: str = ""
    read: str = "glimpse.envs.documents.eraser_questions:read_eraser_questions"

    @property
    def size(self) -> str:
        """Numbers of questions as a table cell."""
        return " + ".join(f"{count:,}" for count in (self.train, self.validation, self.test))

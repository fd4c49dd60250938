"""Small data that come with the documentation's code, so that its pages need no data from elsewhere."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from glimpse.envs.data.registry import BOXED_SETS, DATA_SETS, IMAGE_SETS, PARALLEL_SETS, QUESTION_SETS

_SUBJECTS = ("the film", "the story", "this comedy", "the ending", "her performance")
_OPINIONS = {
    "positive": ("is warm and clever", "is a quiet delight", "never loses its spark"),
    "negative": ("is slow and hollow", "is a tired copy", "never finds a point"),
}
_SENTENCES = (
    ("a dog runs", "ein Hund rennt"),
    ("two men sit", "zwei Männer sitzen"),
    ("a girl sings", "ein Mädchen singt"),
)
_PLACES = (("in the snow", "im Schnee"), ("on a bench", "auf einer Bank"), ("in front of a house", "vor einem Haus"))

_VOYAGES = (
    ("The Fram", "Oslo"),
    ("The Gjoa", "Bergen"),
    ("The Maud", "Vollen"),
    ("The Vega", "Tromso"),
    ("The Nimrod", "London"),
    ("The Belgica", "Antwerp"),
)
_YEARS = (1893, 1903, 1918, 1878, 1907, 1897)


def write_reviews(path: Path) -> Path:
    """Write a table of 30 short reviews of three sentences each, with the columns `text` and `label`."""
    rows = ["text,label"]
    for number, subject in enumerate(_SUBJECTS):
        for label, opinions in _OPINIONS.items():
            for opinion in opinions:
                rest = opinions[number % len(opinions)]
                rows.append(f"{subject} {opinion} . we saw it on a rainy evening . the music {rest} .,{label}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def write_sentences(prefix: Path) -> Path:
    """Write short English sentences to PREFIX.en, and their German translations to PREFIX.de."""
    pairs = [(f"{a} {b} .", f"{c} {d} .") for a, c in _SENTENCES for b, d in _PLACES]
    for language, number in (("en", 0), ("de", 1)):
        lines = [pair[number] for pair in pairs * 4]
        Path(f"{prefix}.{language}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return prefix


def write_questions(folder: Path) -> Path:
    """Write twelve questions to `questions.jsonl`, and the document that they are about into `documents` beside it."""
    (folder / "documents").mkdir(exist_ok=True)
    facts = [f"{ship} sailed from {port} in {year}." for (ship, port), year in zip(_VOYAGES, _YEARS, strict=True)]
    (folder / "documents" / "ships.txt").write_text("\n".join(facts) + "\n", encoding="utf-8")
    rows = [
        {
            "question": f"Did {ship} sail from {port} in {year + late}?",
            "answer": "no" if late else "yes",
            "documents": ["ships.txt"],
            "evidence": [[{"file": "ships.txt", "line": line}]],
        }
        for line, ((ship, port), year) in enumerate(zip(_VOYAGES, _YEARS, strict=True), 1)
        for late in (0, 1)
    ]
    path = folder / "questions.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def _small_pictures(options: BaseModel, size: tuple[int, int]) -> dict[str, Any]:
    """Return options that show small pictures as large as those of a data set, and photographs that are here."""
    known = type(options).model_fields
    given = {"image_size": size, "photographs": "scikit-learn", "zoom": {"levels": 5}}
    return {key: value for key, value in given.items() if key in known and (key != "zoom" or "version" in known)}


def stand_in_options(options: BaseModel, folder: Path) -> dict[str, Any]:
    """Return options with which an environment shows data that are here, instead of those that it has by default.

    Args:
        options: the environment's default options.
        folder: where tables of texts may be written.
    """
    data = getattr(options, "data", None)
    if data is None or data not in DATA_SETS or DATA_SETS[data].files is None:
        return {}
    if data in IMAGE_SETS:
        return {"data": "digits", **_small_pictures(options, IMAGE_SETS[data].size)}
    if data in BOXED_SETS:
        return {"data": "cells", "object": "ring", "zoom": {"levels": 5}}
    if data in QUESTION_SETS:
        return {"data": f"file:{write_questions(folder)}", "vectors": "none", "min_count": 1}
    if data in PARALLEL_SETS:
        return {"data": f"file:{write_sentences(folder / 'sentences')}", "vocabulary": 100, "max_tokens": 16}
    return {"data": f"file:{write_reviews(folder / 'reviews.csv')}", "vectors": "none"}

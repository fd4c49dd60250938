"""Table of the data sets of questions about documents that are known by name; see `registry.py`."""

from collections.abc import Mapping

from glimpse.envs.data.data_set import QuestionSet
from glimpse.envs.data.sources import FileSet

_OTHERWISE = "use questions of your own, `task.data=file:PATH task.documents=DIR`"


def _files(folder: str, md5: Mapping[str, str]) -> FileSet:
    return FileSet(folder, md5, otherwise=_OTHERWISE)


QUESTION_SET_TABLE: dict[str, QuestionSet] = {
    "eraser-fever": QuestionSet(
        licence="not stated (FEVER: CC BY-SA 3.0)",
        cautions="English claims of 2018 and before that crowd workers wrote about introductions of Wikipedia: the "
        "claim alone tells the label in seven of ten cases.",
        classes=("REFUTES", "SUPPORTS"),
        train=5_423,
        validation=581,
        test=6_012,
        documents=4_064,
        files=_files(
            "eraser_fever",
            {
                "docs.jsonl": "ec64a6b903c2cd43cb59fb4a962aee0c",
                "val.jsonl": "dd67f665a25cd6e8ac41b16d57ca5c1a",
                "test.jsonl": "31e6712432d2c3d4f27910495cf7c57d",
            },
        ),
        note="ERASER's validation part is divided by page into training and validation: not to be compared with "
        "results that were trained on its training part",
    ),
    "eraser-multirc": QuestionSet(
        licence="not stated (MultiRC: research use)",
        cautions="English questions that crowd workers wrote about paragraphs of fiction, news and textbooks, each "
        "with one answer that is right or wrong.",
        classes=("False", "True"),
        train=4_806,
        validation=3_214,
        test=4_848,
        documents=705,
        files=_files(
            "eraser_multirc",
            {
                "docs.jsonl": "6746f24d0347b6f8d66915be94095dd9",
                "train_fifth.jsonl": "4a874719ef94f01d2888182749ff429c",
                "val.jsonl": "249a820445c514a5c709b7d534928262",
                "test.jsonl": "f743f6d829f392d986b0ba83394296ce",
            },
        ),
        note="a fifth of the official training part, with the whole validation and test parts",
    ),
}

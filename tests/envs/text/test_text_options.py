"""Options of text data are checked without importing torch."""

from typing import Any

import pytest
from pydantic import ValidationError

from glimpse.envs.text.options import WholeTextOptions


@pytest.mark.parametrize(
    ("given", "key", "complaint"),
    [
        ({"data": "sst3"}, "data", "no text data set 'sst3'. Did you mean sst5 or sst2?"),
        ({"data": "snli"}, "data", "Did you mean snli-20k"),
        ({"data": "file:"}, "data", "no text data set 'file:'"),
        ({"data": "sst2", "text": "sentence"}, "text", "only .data is 'sst2'"),
        ({"data": "sst2", "labels": "scores"}, "labels", "only .data is 'sst2'"),
        ({"data": "sst2", "test": "file:a.tsv"}, "test", "only .data is 'sst2'"),
        ({"data": "sst2", "fold": 1}, "fold", "sst2 has an official test part"),
        ({"data": "mr", "fold": 10}, "fold", "less than or equal to 9"),
        ({"data": "file:a.tsv", "text": 0}, "label", "should be a number, as `text` is .got 'label'"),
        ({"data": "file:a.tsv", "text2": 1}, "text2", "should be a name, as `text` is .got 1"),
        ({"data": "file:a.tsv", "text": -1}, "text", "greater than or equal to 0"),
        ({"data": "file:a.tsv", "test": "b.tsv"}, "test", "should be file:PATH .got 'b.tsv'"),
        ({"vectors": "word2vec"}, "vectors", "should be none, glove or file:PATH"),
        ({"words": 3}, "words", "Extra inputs"),
    ],
)
def test_mistakes_are_named(given: dict[str, Any], key: str, complaint: str) -> None:
    """The error has the key that is wrong."""
    with pytest.raises(ValidationError, match=complaint) as mistakes:
        WholeTextOptions.model_validate({"name": "text", **given})
    assert key in [mistake["loc"][0] for mistake in mistakes.value.errors()]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"data": "mr", "fold": 9},
        {"data": "sst2", "text": "text", "labels": "classes"},
        {"data": "file:a.csv", "text": 0, "label": 2, "text2": 1, "fold": 3},
        {"data": "file:a.jsonl", "label": "gold", "labels": "scores", "test": "file:b.jsonl", "vectors": "file:v.txt"},
    ],
)
def test_good_options_are_taken(given: dict[str, Any]) -> None:
    """Options are hashable, since they are the key of a cache."""
    options = WholeTextOptions.model_validate({"name": "text", **given})
    assert hash(options) == hash(WholeTextOptions.model_validate({"name": "text", **given}))

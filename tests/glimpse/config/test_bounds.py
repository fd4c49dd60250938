"""Tests that every number in a config has a lower and an upper bound, which is also enforced."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from pydantic import BaseModel, ValidationError

from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.config.files import load_experiment
from glimpse.config.section_types import items_of, models_of
from glimpse.envs.lane_random import mix
from glimpse.errors import UserError

_LOWER, _UPPER = {"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}
_CHOICES = {"const", "enum"}
"""What a number has that is one of a few, and needs no bounds."""


def _numbers(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path and the schema of each number; constants and choices are none."""
    if isinstance(schema, dict):
        if schema.get("type") in ("integer", "number") and not _CHOICES & schema.keys():
            yield path, schema
        for key, inner in schema.items():
            yield from _numbers(inner, f"{path}/{key}")
    elif isinstance(schema, list):
        for position, inner in enumerate(schema):
            yield from _numbers(inner, f"{path}/{position}")


def _lists(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path and the schema of each list."""
    for key, inner in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if isinstance(inner, dict) and inner.get("type") == "array":
            yield f"{path}/{key}", inner
        if isinstance(inner, dict | list):
            yield from _lists(inner, f"{path}/{key}")


def _models(model: type[BaseModel], known: set[type[BaseModel]]) -> set[type[BaseModel]]:
    """Return all models of options that a model's sections may be."""
    known.add(model)
    for field in model.model_fields.values():
        for annotation in (field.annotation, *items_of(field.annotation)):
            for inner in models_of(annotation) if annotation is not Ellipsis else ():
                if inner not in known:
                    _models(inner, known)
    return known


def test_every_number_has_a_lower_and_an_upper_bound() -> None:
    """Every number of the whole schema has both bounds, and every list a largest length."""
    schema = Experiment.model_json_schema()
    numbers, lists = dict(_numbers(schema)), dict(_lists(schema))
    assert len(numbers) > 300 and len(lists) > 20
    assert [path for path, one in numbers.items() if not (_LOWER & one.keys() and _UPPER & one.keys())] == []
    assert [path for path, one in lists.items() if "maxItems" not in one] == []


def test_every_bound_is_enforced() -> None:
    """Each number is refused ten times beyond each of its bounds, in the class of options that has it."""
    checked = 0
    for model in _models(Experiment, set()):
        whole = model.model_json_schema()
        for key, schema in (whole if "properties" in whole else whole["$defs"][model.__name__])["properties"].items():
            for one in (schema, *schema.get("anyOf", ())):
                if one.get("type") not in ("integer", "number") or _CHOICES & one.keys():
                    continue
                low, high = (next(one[word] for word in words if word in one) for words in (_LOWER, _UPPER))
                for beyond in (low - 10 * abs(low) - 1, high + 10 * abs(high) + 1):
                    with pytest.raises(ValidationError) as caught:
                        model.model_validate({key: type(low)(beyond)})
                    assert key in {error["loc"][0] for error in caught.value.errors()}, (model, key, beyond)
                    checked += 1
    assert checked > 600


def test_every_pattern_has_words() -> None:
    """Each text that has to match a pattern is described in words, so that no user has to read the pattern."""
    fields = [field for model in _models(Experiment, set()) for field in model.model_fields.values()]
    patterns = [field for field in fields if any(getattr(rule, "pattern", None) for rule in field.metadata)]
    assert len(patterns) > 5
    for field in patterns:
        assert isinstance(field.json_schema_extra, dict) and field.json_schema_extra["expected"], field


@pytest.mark.parametrize(
    ("config", "override", "line"),
    [
        ("mnist-ram", "threads=100000", "threads: should be at most 1024 (got 100000)"),
        ("mnist-ram", "threads=0", "threads: should be at least 1 (got 0)"),
        ("mnist-ram", f"evaluate.seed={2**63}", f"evaluate.seed: should be at most {2**63 - 1} (got {2**63})"),
        ("mnist-ram", f"seed={2**31}", f"seed: should be less than {2**31} (got {2**31})"),
        ("mnist-ram", "train.batch=1000000000", "train.batch: should be at most 1000000 (got 1000000000)"),
        ("mnist-ram", "train.learning_rate=1e30", "train.learning_rate: should be at most 100000000 (got 1e+30)"),
        ("mnist-ram", "agent.memory_width=10000000", "agent.memory_width: should be at most 65536 (got 10000000)"),
        ("mnist-ram", "agent.policy_weight=1e300", "agent.policy_weight: should be at most 1000000 (got 1e+300)"),
        ("mnist-ram", "task.image_size=[28, 99999999]", "task.image_size: should be at most 16384 (got 99999999)"),
        ("mnist-cnn", "agent.widths=[32, 99999999]", "agent.widths: should be at most 65536 (got 99999999)"),
        ("mnist-cnn", "agent.blocks=1000000", "agent.blocks: should be at most 256 (got 1000000)"),
        ("mnist-conv", "agent.layers=[{filters: 999999}]", "agent.layers[0].filters: should be at most 65536 "),
        ("trec-transformer", "agent.encoder.layers=99999", "agent.encoder.layers: should be at most 256 (got 99999)"),
        ("trec-lstm", "task.text=-1", "task.text: should be at least 0 (got -1)"),
        ("multi30k-bahdanau", "agent.search.beam=99999999", "agent.search.beam: should be at most 1000 (got 99999999)"),
        ("multi30k-bahdanau", "agent.search.length_penalty=99", "agent.search.length_penalty: should be at most 10 "),
        ("mnist-ram", "device=cuda:99999999999", "device: should be auto, cpu, cuda or cuda:N with N below 100 "),
    ],
)
def test_an_absurd_number_is_refused_in_one_line(config: str, override: str, line: str) -> None:
    """An absurd number is refused before anything is allocated, by one line with its bound and what came."""
    with pytest.raises(UserError) as caught:
        load_experiment(config, [override])
    assert str(caught.value).startswith(f"command line: {line}")
    assert "\n" not in str(caught.value)


def test_the_largest_seed_of_evaluation_can_be_used() -> None:
    """The largest seed of evaluation is an int64, and gives other keys than the seed before it."""
    options = EvaluateOptions(seed=2**63 - 1)
    keys = [mix(torch.tensor(options.seed - less), torch.arange(3)) for less in (0, 1)]
    assert not torch.equal(*keys)
    assert not torch.equal(mix(torch.arange(3), options.seed), mix(torch.arange(3), options.seed - 1))

"""Tests of the JSON schema of config files: it accepts every shipped config as its file is, and refuses mistakes."""

import json
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from glimpse.agents import AGENTS
from glimpse.agents.attention import ATTENTION
from glimpse.config.experiment import Experiment
from glimpse.config.file_schema import experiment_schema
from glimpse.config.files import dump_experiment, load_experiment
from glimpse.config.shipped import shipped_configs
from glimpse.config.strict_yaml import parse_yaml
from glimpse.envs import ENVIRONMENTS

_ALONE = """
task: {name: text, data: trec}
agent: {name: reader, encoder: {kind: transformer, attention: {heads: 8}, mask: causal, pooling: max}}
train: {steps: 3}
"""


@cache
def validator() -> Draft202012Validator:
    """Return a validator by the schema as `glimpse config schema` prints it."""
    return Draft202012Validator(json.loads(json.dumps(experiment_schema())))


def is_valid(text: str) -> bool:
    """Return whether a config file's text is right by the schema."""
    return validator().is_valid(parse_yaml(text)[0])


def test_the_schema_is_one() -> None:
    """The schema is valid JSON schema, and has every section, agent, task and limit."""
    schema: Any = validator().schema
    Draft202012Validator.check_schema(schema)
    assert schema["title"] == "Experiment"
    assert set(schema["properties"]) == {*Experiment.model_fields, "extends"}
    assert schema["then"]["required"] == ["task", "agent", "train"]
    for sections in (schema["properties"], schema["then"]["properties"]):
        assert set(sections["agent"]["discriminator"]["mapping"]) == set(AGENTS)
        assert set(sections["task"]["discriminator"]["mapping"]) == set(ENVIRONMENTS)
    for name in ("TrainOptions", "TrainOptions-part"):
        assert schema["$defs"][name]["properties"]["batch"]["minimum"] == 1
    text = json.dumps(schema)
    assert all(f'"{kind}"' in text for kind in ATTENTION)


@pytest.mark.parametrize("name", shipped_configs())
def test_every_shipped_config_is_right_by_the_schema(name: str) -> None:
    """Every shipped config is right as the file that it is, and so is the complete config of a run of it."""
    file = shipped_configs()[name]
    data, mistakes = parse_yaml(file.read_text(encoding="utf-8"))
    assert mistakes == []
    validator().validate(data)
    validator().validate(parse_yaml(dump_experiment(load_experiment(file)))[0])


@pytest.mark.parametrize(
    "text",
    [
        "extends: mnist-ram",
        "extends: [mnist-ram, own.yaml]\ntrain: {minutes: 3}\nagent: {memory_width: 64, sigma: {end: 0.1}}",
        "extends: trec-lstm\nagent: {encoder: gru}",
        "extends: trec-lstm\nagent: {encoder: {pooling: mean, width: 20}}",
        "extends: trec-lstm\nagent: {encoder: {pooling: {hidden: 7}}}",
        "extends: trec-transformer\nagent: {encoder: {attention: {pattern: window, kind: sparse}}}",
        "extends: trec-transformer\nagent: {encoder: {mask: {kind: all_of, masks: [full, {kind: block, length: 2}]}}}",
        "extends: trec-transformer\nagent: {encoder: {attention: {normaliser: topk}}}",
        "extends: sst2-hard-1\nagent: {estimator: hardkuma, selector: {kind: cnn}}",
        "extends: multi30k-luong-dot\nagent: {attention: hard, search: {beam: 1}}",
        "extends: trec-resan\nagent: {encoder: resan}",
        "extends: mnist-ram\ntask: {image_size: [28, 28], initial_location: [0, 0.5]}\ndata: {root: null}",
        _ALONE,
        _ALONE.replace("steps: 3", "steps: null, minutes: 0.5"),
    ],
)
def test_what_may_be_written_is_right_by_the_schema(text: str) -> None:
    """Short forms, parts of parts, and files that leave out what others say are right."""
    validator().validate(parse_yaml(text)[0])


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("steps: 3", "stepz: 3"),
        ("steps: 3", "steps: 0"),
        ("steps: 3", "steps: three"),
        ("steps: 3", "steps: 3, minutes: 1"),
        ("steps: 3", "batch: 3"),
        ("steps: 3", "steps: 3, batch: 1000000000"),
        ("train: {steps: 3}", "seed: 1"),
        ("train: {steps: 3}", "train: {steps: 3}\nthreads: 100000"),
        ("train: {steps: 3}", "train: {steps: 3}\nagnet: {}"),
        ("train: {steps: 3}", "train: {steps: 3}\nextend: mnist-ram"),
        ("name: reader", "name: raeder"),
        ("name: reader, ", ""),
        ("agent: {", "agent: reader #"),
        ("kind: transformer", "kind: transfromer"),
        ("heads: 8", "haeds: 8"),
        ("heads: 8", "kind: sparse"),
        ("attention: {heads: 8}", "attention: sparse"),
        ("mask: causal", "mask: cusal"),
        ("mask: causal", "mask: window"),
        ("mask: causal", "mask: {kind: window}"),
        ("mask: causal", "mask: {kind: any_of, masks: [nope]}"),
        ("mask: causal", "mask: {kind: any_of, masks: []}"),
        ("pooling: max", "pooling: maximum"),
        ("pooling: max", "pooling: {kind: max, hidden: 3}"),
        ("data: trec", "data: trec, fold: 10"),
    ],
)
def test_a_mistake_is_refused_by_the_schema(right: str, wrong: str) -> None:
    """Each typical mistake in a file that stands alone is refused; the same file without it is right."""
    assert right in _ALONE and is_valid(_ALONE)
    assert not is_valid(_ALONE.replace(right, wrong, 1))


@pytest.mark.parametrize(
    "text",
    [
        "extends: 5",
        "extends: [mnist-ram, 5]",
        "extends: mnist-ram\ntrain: {bach: 3}",
        "extends: mnist-ram\nagent: {memory_width: 0}",
        "extends: mnist-ram\nagent: {memory_widht: 3}",
        "extends: mnist-ram\nagent: {name: ram, locator: path}",
        "extends: mnist-ram\ntask: {name: mnits}",
        "extends: mnist-ram\ntask: digits",
        "extends: mnist-ram\nsteps: 3",
        "extends: trec-lstm\nagent: {encoder: {pooling: nope}}",
        "extends: trec-transformer\nagent: {encoder: {mask: {kind: window, width: -1}}}",
    ],
)
def test_a_mistake_in_a_file_that_extends_others_is_refused(text: str) -> None:
    """A mistake is refused in a file that gives some keys only, too."""
    assert not is_valid(text)

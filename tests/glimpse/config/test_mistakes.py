"""Tests of what is said about mistakes: in lists of parts, unions, empty sections, and words of other libraries."""

from pathlib import Path

import pytest

from glimpse.cli.command_line import main
from glimpse.config.files import load_experiment
from glimpse.config.strict_yaml import DEEPEST
from glimpse.errors import UserError

_ANY_MASK = "should be 'full', 'padding', 'causal', "
_SHUT_OUT = "{kind: not, mask: "


def mistakes(config: str, *overrides: str) -> list[str]:
    """Return the lines about the mistakes of a config with overrides, without the layer's name."""
    with pytest.raises(UserError) as caught:
        load_experiment(config, overrides)
    return [line.removeprefix("command line: ") for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    ("config", "override", "line"),
    [
        (
            "trec-transformer",
            "agent.encoder.mask={kind: any_of, masks: [nope]}",
            f"agent.encoder.mask.masks[0]: {_ANY_MASK}",
        ),
        (
            "trec-transformer",
            "agent.encoder.mask={kind: any_of, masks: [causal, {kind: nope}]}",
            f"agent.encoder.mask.masks[1].kind: {_ANY_MASK}",
        ),
        (
            "trec-transformer",
            "agent.encoder.mask={kind: all_of, masks: [{kind: not, mask: {kind: block, length: 0}}]}",
            "agent.encoder.mask.masks[0].mask.length: should be at least 1 (got 0)",
        ),
        (
            "trec-transformer",
            "agent.encoder.mask={kind: all_of, masks: [5]}",
            "agent.encoder.mask.masks[0]: should be a mapping of keys to values (got 5)",
        ),
        (
            "trec-transformer",
            "agent.encoder.mask={kind: all_of, masks: [{width: 3}]}",
            "agent.encoder.mask.masks[0].kind: is missing",
        ),
        (
            "trec-transformer",
            "agent.encoder.mask={kind: all_of, masks: nope}",
            "agent.encoder.mask.masks: should be a list of mappings of keys to values (got 'nope')",
        ),
        (
            "trec-transformer",
            "agent.encoder.mask={kind: all_of, masks: []}",
            "agent.encoder.mask.masks: should be a list of at least 1 item (got 0)",
        ),
        (
            "trec-transformer",
            "agent.encoder.attention={kind: sparse, pattern: causal, more: [cusal]}",
            f"agent.encoder.attention.more[0]: {_ANY_MASK}",
        ),
        (
            "trec-transformer",
            "agent.encoder.attention=sparse",
            f"agent.encoder.attention.pattern: is missing, {_ANY_MASK}",
        ),
        (
            "mnist-conv",
            "agent.layers=[{filters: 3, siz: 4}]",
            "agent.layers[0].siz: unknown key (did you mean 'agent.layers[0].size'?)",
        ),
        (
            "mnist-conv",
            "agent.layers=[{}, nope]",
            "agent.layers[1]: should be a mapping of keys to values (got 'nope')",
        ),
        ("mnist-mlp", f"agent.widths=[{'3, ' * 70}]", "agent.widths: should be a list of at most 64 items (got 70)"),
        ("mnist-ram", "train.augment={}", "train.augment: {} changes nothing, because sections are merged key by key"),
        ("mnist-ram", "train={augment: {}}", "train.augment: {} changes nothing"),
        ("mnist-ram", "train.patience=0", "train.patience: should be at least 1 (got 0)"),
        ("mnist-ram", "train.patince=3", "train.patince: unknown key (did you mean 'train.patience'?)"),
        ("mnist-ram", "patience=3", "patience: unknown key (early stopping is train.patience, "),
        (
            "mnist-ram",
            "train.early_stopping=3",
            "train.early_stopping: unknown key (early stopping is train.patience, ",
        ),
        ("mnist-ram", "train.lr=0.1", "train.lr: unknown key (the learning rate is train.learning_rate)"),
        ("mnist-ram", "gpu=true", "gpu: unknown key (a GPU is asked for by device: cuda)"),
        ("mnist-ram", "device=gpu", "device: should be auto, cpu, cuda or cuda:N (got 'gpu'; did you mean 'cuda'?)"),
        ("mnist-ram", "device=cud", "device: should be auto, cpu, cuda or cuda:N (got 'cud'; did you mean 'cuda'?"),
        ("mnist-ram", "task.validation=a/b", "task.validation: should be folder:PATH or file:TABLE (got 'a/b')"),
        ("multi30k-bahdanau", "task.source=e n", "task.source: should be a language as in the file names, such as en"),
        (
            "mnist-ram",
            "task=digits",
            "task: should be a mapping of keys to values (got 'digits'); give the name as task.name=digits",
        ),
        (
            "mnist-ram",
            "agent=random",
            "agent: should be a mapping of keys to values (got 'random'); give the name as agent.name=random",
        ),
        (
            "mnist-ram",
            "task={",
            "task: expected the node content, but found '<stream end>' (got '{'); a value is YAML, such as ",
        ),
        (
            "mnist-ram",
            "train.betas=[0.9, 'a",
            'train.betas: found unexpected end of stream (got "[0.9, \'a"); a value is YAML',
        ),
        ("mnist-ram", "task.data=\udcff", "task.data: holds characters that are no text"),
        ("mnist-ram", 'track.project="\\ud800"', "track.project: a text with a character that cannot be written"),
        ("mnist-ram", 'task.data="folder:a\\0"', "task.data: a text with a character that cannot be written"),
        ("mnist-ram", "train={<<: {steps: 3}}", "train: a merge key '<<' is not supported"),
        ("mnist-ram", "train={steps: 3, steps: 4}", "train: the key 'steps' is given twice"),
        ("mnist-ram", "train=&a [*a]", "train: this value is used again through an alias"),
        ("mnist-ram", f"seed={'9' * 5000}", "seed: a number too large (got '999"),
        (
            "mnist-ram",
            f"task.data={'[' * 5000}{']' * 5000}",
            f"task.data: is nested too deeply, at most {DEEPEST} levels",
        ),
        (
            "mnist-ram",
            f"agent.encoder.mask={_SHUT_OUT * 300}causal{'}' * 300}",
            "agent.encoder.mask: is nested too deeply",
        ),
        ("mnist-ram", f"{'a.' * 3000}b=1", "a.a.a.a."),
    ],
)
def test_a_mistake_is_one_line_with_its_place(config: str, override: str, line: str) -> None:
    """A mistake, also one inside a list of parts, is one short line that begins with its key."""
    found = mistakes(config, override)
    assert len(found) == 1
    assert found[0].startswith(line)
    assert len(found[0]) < 500


def test_several_mistakes_in_one_list_are_told_apart() -> None:
    """Each wrong part of a list is named by its position, counted from 0, and right ones are not named."""
    masks = "[{kind: window}, causal, {kind: windo, width: 3}, {kind: window, widht: 3, width: 2}]"
    found = mistakes("trec-transformer", f"agent.encoder.mask={{kind: any_of, masks: {masks}}}")
    assert [line.split(":")[0].removeprefix("agent.encoder.mask.masks") for line in found] == [
        "[0].width",
        "[2].kind",
        "[3].widht",
    ]


@pytest.mark.parametrize(
    ("mask", "problem"),
    [
        ("{kind: any_of, masks: [nope]}", f"mask.masks[0]: {_ANY_MASK}"),
        ("{kind: any_of, masks: [causal, {kind: not, mask: {kind: window, width: x}}]}", "mask.masks[1].mask.width: "),
        ("{kind: not, mask: nope}", f"mask.mask: {_ANY_MASK}"),
        (f"{_SHUT_OUT * 99}causal{'}' * 99}", "line 1: is nested too deeply"),
    ],
)
def test_glimpse_masks_names_the_place(mask: str, problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`glimpse masks` answers a wrong part of a mask by one line and exit code 2."""
    assert main(["masks", mask]) == 2
    shown = capsys.readouterr()
    assert problem in shown.err and "Traceback" not in shown.err and shown.out == ""
    assert len(shown.err.splitlines()) == 1


@pytest.mark.parametrize("deep", [1, DEEPEST - 3])
def test_masks_may_be_nested(deep: int) -> None:
    """A mask of masks is read, also in the short form within a list, up to the deepest level."""
    mask = f"{_SHUT_OUT * deep}causal{'}' * deep}"
    encoder = load_experiment("trec-transformer", [f"agent.encoder.mask={{kind: any_of, masks: [forward, {mask}]}}"])
    assert encoder.agent.model_dump()["encoder"]["mask"]["masks"][0] == {"kind": "forward"}


def test_an_empty_section_over_nothing_is_fine(tmp_path: Path) -> None:
    """`{}` over a section without keys is no mistake: it takes nothing back."""
    file = tmp_path / "own.yaml"
    file.write_text("task: {name: digits, retina: {}}\nagent: {name: ram, sigma: {}}\ntrain: {steps: 1}\ndata: {}\n")
    assert load_experiment(file).train.steps == 1


def test_a_config_of_many_files_is_read_in_time(tmp_path: Path) -> None:
    """Thirty files that extend the next one twice are read once each; circles and long chains are named."""
    last = "task: {name: digits}\nagent: {name: ram}\ntrain: {steps: 7}\n"
    for number in range(30):
        text = f"extends: [f{number + 1}.yaml, f{number + 1}.yaml]\nseed: {number}\n"
        (tmp_path / f"f{number}.yaml").write_text(text)
    (tmp_path / "f30.yaml").write_text(last)
    experiment = load_experiment(tmp_path / "f0.yaml")
    assert (experiment.seed, experiment.train.steps) == (0, 7)
    (tmp_path / "f30.yaml").write_text("extends: [f30.yaml]\n" + last)
    with pytest.raises(
        UserError, match=r"f30.yaml: extends: goes in a circle, .*f29.yaml -> .*f30.yaml -> .*f30.yaml$"
    ):
        load_experiment(tmp_path / "f29.yaml")
    for number in range(60):
        (tmp_path / f"g{number}.yaml").write_text(f"extends: g{number + 1}.yaml\n")
    with pytest.raises(UserError, match=r"g0.yaml: extends: goes more than 50 files deep, to .*g50.yaml"):
        load_experiment(tmp_path / "g0.yaml")


def test_a_file_that_others_extend_lies_below_them(tmp_path: Path) -> None:
    """What two extended files both extend lies below both: it takes back nothing that either of them changes."""
    (tmp_path / "base.yaml").write_text("task: {name: digits}\nagent: {name: ram}\ntrain: {steps: 1, batch: 2}\n")
    (tmp_path / "left.yaml").write_text("extends: base.yaml\ntrain: {steps: 10}\n")
    (tmp_path / "right.yaml").write_text("extends: base.yaml\ntrain: {batch: 20}\n")
    (tmp_path / "both.yaml").write_text("extends: [left.yaml, right.yaml]\n")
    train = load_experiment(tmp_path / "both.yaml").train
    assert (train.steps, train.batch) == (10, 20)


def test_a_huge_file_is_no_config(tmp_path: Path) -> None:
    """A file of more than a megabyte is refused before it is parsed."""
    (tmp_path / "huge.yaml").write_text("a: [\n" + "1,\n" * 400_000 + "]\n")
    with pytest.raises(UserError, match="huge.yaml: is larger than 1,000,000 bytes, expected a config file"):
        load_experiment(tmp_path / "huge.yaml")

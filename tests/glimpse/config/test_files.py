"""Tests of config files: layers, overrides, and the message of every mistake."""

import errno
import os
from pathlib import Path

import pytest

from glimpse.cli.listing import describe_config
from glimpse.config.exact_config import words_of
from glimpse.config.experiment import Experiment
from glimpse.config.files import (
    config_path,
    dump_experiment,
    find_config,
    load_experiment,
    read_experiment,
)
from glimpse.config.shipped import shipped_configs
from glimpse.errors import UserError

BASE = """
task: {name: mnist, glimpses: 4}
agent: {name: ram, sigma: {start: 0.2}, locator_width: 64, recurrent_core: lstm}
train: {minutes: 3, batch: 32}
"""


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a config without mistakes, written to the current folder."""
    monkeypatch.chdir(tmp_path)
    return write("base.yaml", BASE)


def write(name: str, text: str) -> Path:
    """Write a file in the current folder and return its path."""
    Path(name).write_text(text)
    return Path(name)


def mistakes(path: str | Path, *overrides: str) -> list[str]:
    """Return the lines of the error that loading a config raises."""
    with pytest.raises(UserError) as error:
        load_experiment(path, overrides)
    return str(error.value).splitlines()


def values(experiment: Experiment, *paths: str) -> list[object]:
    """Return the experiment's values at dotted paths of keys."""
    found = []
    for path in paths:
        value: object = experiment
        for key in path.split("."):
            value = getattr(value, key)
        found.append(value)
    return found


def test_a_config_is_completed_with_defaults(base: Path) -> None:
    """Given values are used; the others come from the task's preset and the options' defaults."""
    experiment = load_experiment(base)
    assert values(experiment, "task.glimpses", "agent.sigma.start", "train.batch") == [4, 0.2, 32]
    assert values(experiment, "task.data", "agent.sigma.end", "train.steps") == ["mnist", 0.05, None]


def test_overrides_are_yaml_and_the_last_one_counts(base: Path) -> None:
    """An override's value is YAML (numbers, lists, null, text, whole sections), and the last override of a key wins."""
    experiment = load_experiment(
        base,
        [
            "train.learning_rate=1e-4",
            "task.initial_location=[0.1, -0.2]",
            "train.minutes=null",
            "train.steps=10",
            "train.steps=1e3",
            "track.group=a=b",
            "train.augment={rotation: 5, shift: 1}",
            "train.augment.shift=2",
        ],
    )
    paths = ("train.learning_rate", "task.initial_location", "train.minutes", "train.steps", "track.group")
    assert values(experiment, *paths) == [1e-4, (0.1, -0.2), None, 1000, "a=b"]
    assert values(experiment, "train.augment.rotation", "train.augment.shift") == [5, 2]
    assert experiment.train.batch == 32


def test_a_config_extends_others_which_it_overrules(base: Path) -> None:
    """A config overrules its bases, later bases overrule earlier ones, and their paths are relative to its file."""
    Path("sub/deep").mkdir(parents=True)
    write("sub/wide.yaml", "extends: ../base.yaml\ntrain: {batch: 64}\nseed: 1\n")
    write("sub/start.yaml", "task: {initial_location: [0, 0]}\nseed: 2\n")
    child = write("sub/deep/child.yaml", "extends: [../wide.yaml, ../start.yaml]\nagent: {sigma: {end: 0.1}}\n")
    experiment = load_experiment(child)
    assert values(experiment, "train.batch", "task.initial_location", "seed") == [64, (0, 0), 2]
    assert values(experiment, "agent.sigma.start", "agent.sigma.end") == [0.2, 0.1]
    assert load_experiment(base).train.batch == 32


def test_a_circle_of_configs_is_refused(base: Path) -> None:
    """Configs that extend each other in a circle are refused, however their paths are spelled."""
    write("one.yaml", "extends: ./two.yaml")
    write("two.yaml", "extends: one.yaml")
    assert mistakes("one.yaml") == [
        "two.yaml: extends: goes in a circle, one.yaml -> two.yaml -> one.yaml",
    ]
    assert "goes in a circle" in mistakes(write("self.yaml", "extends: self.yaml"))[0]


def test_another_agent_drops_options_that_it_lacks(base: Path) -> None:
    """Options that only the old agent has are dropped with a note; shared ones are kept."""
    experiment, notes = read_experiment(base, ["agent.name=random"])
    assert values(experiment, "agent.name", "agent.recurrent_core") == ["random", "lstm"]
    assert notes == ["command line: agent.name=random instead of ram drops agent.sigma, agent.locator_width"]
    child = write("child.yaml", "extends: base.yaml\nagent: {name: path, sigma: {end: 0.1}}\n")
    experiment, notes = read_experiment(child)
    assert values(experiment, "agent.sigma.start", "agent.sigma.end") == [0.2, 0.1]
    assert notes == ["child.yaml: agent.name=path instead of ram drops agent.locator_width"]
    assert read_experiment(base, ["agent.name=ram"])[1] == []


def test_shipped_configs_drop_options_without_a_note() -> None:
    """A shipped config drops options without a note; an override on top of it still gives one."""
    assert read_experiment("trec-transformer")[1] == []
    (note,) = read_experiment("trec-distance", ["agent.encoder.kind=lstm"])[1]
    assert note.startswith("command line: ")


def test_another_agent_may_change_the_kind_of_a_part() -> None:
    """With a new agent, a part changes its kind; options that the new kind lacks are dropped, the others kept."""
    experiment, notes = read_experiment("trec-lstm", ["agent.name=resan"])
    assert values(experiment, "agent.encoder.kind", "agent.encoder.width") == ["resan", 100]
    assert notes == ["command line: agent.encoder.kind=resan instead of lstm drops agent.encoder.pooling"]
    experiment, notes = read_experiment("planted-resan", ["agent.name=reader", "agent.encoder=cnn"])
    assert values(experiment, "agent.encoder.kind") == ["cnn"]


def test_options_given_together_with_the_new_agent_are_not_dropped(base: Path) -> None:
    """An option that is given together with the new agent, and that this agent lacks, is an error."""
    (line,) = mistakes(base, "agent.name=random", "agent.baseline=none")
    assert line.startswith("command line: agent.baseline: unknown key (it belongs to agent 'ram', 'path'")


def test_another_task_drops_the_picture_of_the_old_one(base: Path) -> None:
    """Another task replaces the data and the canvas; the user's glimpses and retina are kept."""
    whole = write("whole.yaml", dump_experiment(load_experiment(base)))
    experiment, notes = read_experiment(whole, ["task.name=cluttered-mnist", "task.canvas.distractors=5"])
    assert values(experiment, "task.canvas.kind", "task.canvas.distractors") == ["cluttered", 5]
    assert values(experiment, "task.glimpses", "task.retina.scales") == [4, 1]
    assert notes == ["command line: task.name=cluttered-mnist instead of mnist drops task.data, task.canvas"]


def test_the_later_budget_of_training_wins(base: Path) -> None:
    """Steps replace minutes and minutes replace steps; both in one layer are an error, and so is neither."""
    experiment, notes = read_experiment(base, ["train.steps=10"])
    assert values(experiment, "train.steps", "train.minutes") == [10, None]
    assert notes == ["command line: train.steps=10 drops train.minutes=3"]
    child = write("child.yaml", "extends: base.yaml\ntrain: {steps: 10}\n")
    experiment, notes = read_experiment(child, ["train.minutes=0.5"])
    assert values(experiment, "train.steps", "train.minutes") == [None, 0.5]
    assert len(notes) == 2
    wanted = "command line: train.minutes: give either train.steps or train.minutes"
    assert mistakes(base, "train.steps=1", "train.minutes=1") == [f"{wanted} (got both)"]
    assert mistakes(base, "train.minutes=null") == [f"{wanted} (got neither)"]


def test_all_mistakes_are_reported_at_once_with_their_files(base: Path) -> None:
    """Mistakes of all kinds in three layers are reported together, each with its file."""
    write("base.yaml", BASE.replace("batch: 32", "batch: 0, bach: 1").replace("core: lstm", "core: ltsm"))
    child = write(
        "child.yaml",
        """
extends: base.yaml
task: {initial_location: cente, canvas: 5, retina: {pach: 3}, image_size: [28]}
agent: {lerning_rate: 1e-3, sigma: {start: 3}}
train: {compile: no, learning_rate: "1e-3", betas: [0.9, 1.5]}
seed: 1
seed: 2
data:
""",
    )
    found = mistakes(child, "train.max_grad_norm=-1", "train.keep", "agnet.name=ram", "device=gpu", "seed=1.5")
    assert found == [
        "child.yaml:7: the key 'seed' is given twice (first in line 6)",
        "command line: 'train.keep': an override has the form a.b=c, as in train.steps=1000",
        "child.yaml: task.retina.pach: unknown key (did you mean 'task.retina.patch'?)",
        "child.yaml: task.initial_location: should be 'random', 'centre', 'raster' or a list of 2 numbers "
        "(got 'cente'; did you mean 'centre'?)",
        "child.yaml: task.image_size: should be a list of 2 whole numbers or null (got [28])",
        "child.yaml: task.canvas: should be a mapping of keys to values (got 5)",
        "base.yaml: agent.recurrent_core: should be 'rnn', 'lstm', 'gru' or 'transformer' "
        "(got 'ltsm'; did you mean 'lstm'?)",
        "child.yaml: agent.sigma.start: should be at most 2 (got 3)",
        "child.yaml: agent.lerning_rate: unknown key (did you mean 'train.learning_rate'?)",
        "base.yaml: train.batch: should be at least 1 (got 0)",
        "child.yaml: train.learning_rate: should be a number (got '1e-3')",
        "child.yaml: train.betas: should be less than 1 (got 1.5)",
        "command line: train.max_grad_norm: should be greater than 0 (got -1)",
        "child.yaml: train.compile: should be true or false (got 'no')",
        "base.yaml: train.bach: unknown key (did you mean 'train.batch'?)",
        "child.yaml: data: should be a mapping of keys to values (got null)",
        "command line: seed: should be a whole number (got 1.5)",
        "command line: device: should be auto, cpu, cuda or cuda:N (got 'gpu'; did you mean 'cuda'?)",
        "command line: agnet: unknown key (did you mean 'agent'?)",
    ]


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("agent.name=rma", "agent.name: should be 'ram', 'path', 'random', 'centre', 'raster', "),
        ("task.name=mnits", "task.name: should be 'mnist', "),
        ("task.name={}", "task.name: should be 'mnist', "),
        ("task.data=mnits", "task.data: There is no data set 'mnits'"),
        ("task.initial_location=[0, 2]", "task.initial_location: should lie in [-1, 1] x [-1, 1] (got [0.0, 2.0])"),
        ("agent=ram", "agent: should be a mapping of keys to values (got 'ram')"),
        ("train.steps=true", "train.steps: should be a whole number or null (got true)"),
        ("train.compile=1", "train.compile: should be true or false (got 1)"),
        ("track.tags=[a, 1]", "track.tags: should be a list of texts (got ['a', 1])"),
        ("steps=10", "steps: unknown key (did you mean 'train.steps'?)"),
        ("agent.core=rnn", "agent.core: unknown key (did you mean 'agent.recurrent_core'?)"),
        ("evaluate.share=0.5", "evaluate.share: unknown key (known in evaluate: batch, copies, "),
        ("train.zzz=10", "train.zzz: unknown key (known in train: steps, minutes, batch, "),
        ("agent.baseline=leave_one_out", "train.copies: should be at least 2 because agent.baseline is "),
        ("agent.initial_path=[[0, 0]]", "agent.initial_path: should name the locations of glimpses 2 to 4"),
        ("train.steps=[1", "train.steps: expected ',' or ']', but got '<stream end>' (got '[1')"),
        ("train.steps=1: 2: 3", "train.steps: mapping values are not allowed here (got '1: 2: 3')"),
        ("extends=base.yaml", "extends: can be given in a file only"),
        ("=3", "'=3': an override has the form a.b=c"),
        ("train..steps=3", "'train..steps=3': an override has the form a.b=c"),
        ("--steps=3", "--steps: unknown key"),
    ],
)
def test_each_mistake_names_the_expected_and_the_given_value(base: Path, override: str, line: str) -> None:
    """Each mistake gives one line with the expected and the given value."""
    found = mistakes(base, override)
    assert len(found) == 1
    assert found[0].split(": ", 1)[1].startswith(line)


def test_rules_across_sections_hold_beside_other_mistakes(base: Path) -> None:
    """Rules across sections are checked even when other sections have mistakes."""
    found = mistakes(base, "agent.baseline=self_critical", "task.glimpses=0", "train.steps=1", "train.minutes=1")
    assert [line.split(": ")[1] for line in found] == ["task.glimpses", "train.minutes"]
    found = mistakes(base, "agent.baseline=self_critical", "task.glimpses=0")
    assert [line.split(": ")[1] for line in found] == ["task.glimpses", "train.copies"]


def test_missing_sections_are_named(base: Path) -> None:
    """Each missing section is reported by its name."""
    assert mistakes(write("seed.yaml", "seed: 1")) == [
        "seed.yaml: task: is missing",
        "seed.yaml: agent: is missing",
        "seed.yaml: train: is missing",
    ]
    assert mistakes(base, "agent={name: null}")[0].startswith("command line: agent.name: should be 'ram'")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "bad.yaml: is empty"),
        (b"# only a comment\n", "bad.yaml: is empty"),
        (b"- a\n- b\n", "bad.yaml: should be a mapping of keys to values"),
        (b"just text", "bad.yaml: should be a mapping of keys to values"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "bad.yaml: is not a text file in UTF-8"),
        (b"task:\n\tname: mnist\n", "bad.yaml:2: a tab in the indentation; use spaces"),
        (b"task: {name: mnist\nseed: 1\n", "bad.yaml:2: "),
        (b"extends: 5\n", "bad.yaml: extends: should be the name of a config or a list of names (got 5)"),
        (b"extends: bsae.yaml\n", "bad.yaml: extends: bsae.yaml: no such config (did you mean 'base.yaml'?"),
    ],
)
def test_an_unusable_file_is_named(base: Path, content: bytes, problem: str) -> None:
    """An unusable file is named in the error, given alone or as the base of another config."""
    Path("bad.yaml").write_bytes(content)
    assert mistakes("bad.yaml")[0].startswith(problem)
    assert mistakes(write("child.yaml", "extends: bad.yaml"))[0].startswith(problem)


def test_a_missing_config_names_the_nearest(base: Path) -> None:
    """A missing config is answered with the nearest name among shipped configs and files in its folder."""
    assert mistakes("bsae.yaml")[0].startswith("bsae.yaml: no such config (did you mean 'base.yaml'?")
    assert "did you mean 'mnist-ram'?" in mistakes("configs/images/mnits-ram.yaml")[0]
    assert mistakes("no/where.yaml")[0].startswith("no/where.yaml: no such config (`glimpse list` names")


def test_folders_and_pipes_are_refused_as_configs(base: Path) -> None:
    """A folder or a pipe is refused as a config; for a run's folder the error says how to resume it."""
    Path("run").mkdir()
    assert mistakes("run") == ["run: is a folder, expected a config file"]
    write("run/config.yaml", BASE)
    assert "glimpse train --resume run" in mistakes("run")[0]
    Path("photos/train").mkdir(parents=True)
    typed = "glimpse train mnist-ram task.name=images task.data=folder:photos"
    assert mistakes("photos")[0].endswith(f"; for pictures of your own: {typed}")
    typed = "glimpse train trec-structured task.data=file:reviews.csv"
    assert mistakes(write("reviews.csv", "text,label")) == [
        f"reviews.csv: is a table, expected a config; for texts of your own: {typed}"
    ]
    os.mkfifo("pipe")
    assert mistakes("pipe") == ["pipe: is not a regular file"]


def test_an_unreadable_file_is_named(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreadable file is named with the system's reason, which is simulated because root may read everything."""

    def refuse(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert mistakes(base) == ["base.yaml: cannot be read (Permission denied)"]


def test_a_config_survives_a_round_trip(base: Path) -> None:
    """A config that is written and read again is equal, as resuming a run needs."""
    overrides = [
        "agent.initial_path=[[0, 0.1], [1, 1], [-1, -1]]",
        "track.tags=['no', '1e-3']",
        "track.group=on",
    ]
    for extra in ([], ["agent.name=raster"], ["task.name=cluttered-mnist-100", *overrides, "train.steps=7"]):
        experiment = load_experiment(base, extra)
        assert load_experiment(write("written.yaml", dump_experiment(experiment))) == experiment


def test_a_shipped_config_is_found_by_name_from_anywhere(base: Path) -> None:
    """A shipped config is found by its name from any folder; a file in the current folder comes first."""
    shipped = shipped_configs()["mnist-ram"]
    for name in ("mnist-ram", "mnist-ram.yaml", "configs/images/mnist-ram.yaml"):
        assert find_config(name) == shipped
    mine = write("mnist-ram.yaml", "extends: base.yaml")
    assert find_config("mnist-ram.yaml") == mine
    assert load_experiment(write("child.yaml", "extends: configs/images/mnist-ram.yaml")) == load_experiment(shipped)


@pytest.mark.parametrize("name", shipped_configs())
def test_a_shipped_config_is_right_and_says_how_to_run_it(name: str) -> None:
    """Each shipped config loads and names its parts; its header has its command and the line of `glimpse list`."""
    file = shipped_configs()[name]
    experiment = load_experiment(file)
    assert {experiment.task.name, experiment.agent.name} <= words_of(name)
    header = file.read_text().split("\n\n")[0].splitlines()
    assert any(line.startswith("#") and f"glimpse train {config_path(name)}" in line for line in header)
    assert describe_config(file).endswith(".")


def test_a_config_is_described_by_its_first_sentence(tmp_path: Path) -> None:
    """A sentence of several lines is whole, with or without the command between them; what follows is left out."""
    file = tmp_path / "a.yaml"
    for header, told in {
        "# RAM on digits, and\n# glimpse train a.yaml\n# on clutter.\n# Error 5 %.\n": "RAM on digits, and on clutter.",
        "# RAM\n# glimpse train a.yaml\n": "RAM",
        "# glimpse train a.yaml\n": "",
    }.items():
        file.write_text(f"{header}task:\n  name: digits\n")
        assert describe_config(file) == told


def test_another_encoder_drops_options_that_it_lacks() -> None:
    """Options that only the old encoder has are dropped with a note; shared ones are kept."""
    experiment, notes = read_experiment("trec-lstm", ["agent.encoder.kind=disan"])
    assert values(experiment, "agent.encoder.kind", "agent.encoder.width") == ["disan", 100]
    assert notes == ["command line: agent.encoder.kind=disan instead of lstm drops agent.encoder.pooling"]


@pytest.mark.parametrize(
    ("config", "given", "path", "value"),
    [
        ("trec-lstm", ["agent.encoder=gru"], "agent.encoder.kind", "gru"),
        ("trec-lstm", ["agent.encoder=gru"], "agent.encoder.width", 100),
        ("trec-transformer", ["agent.encoder.attention.heads=8"], "agent.encoder.attention.kind", "multi_head"),
        ("trec-transformer", ["agent.encoder.attention.heads=8"], "agent.encoder.attention.heads", 8),
        ("trec-transformer", ["agent.encoder.attention.normaliser=topk"], "agent.encoder.attention.normaliser.k", 8),
        ("trec-attention", ["agent.encoder.pooling.hidden=7"], "agent.encoder.pooling.kind", "context_vector"),
        ("imdb-han", ["agent.encoder.words.pooling.hidden=7"], "agent.encoder.words.pooling.kind", "context_vector"),
    ],
)
def test_a_kind_may_be_given_by_name_or_left_out(config: str, given: list[str], path: str, value: object) -> None:
    """A part may be given by its kind alone; a kind that is left out is the earlier or the default one."""
    assert values(load_experiment(config, given), path) == [value]


@pytest.mark.parametrize("reverse", [False, True])
def test_a_kind_and_its_options_are_given_side_by_side(reverse: bool) -> None:
    """A kind and its options may be given as two overrides, in either order."""
    given = ["agent.encoder.attention=relative", "agent.encoder.attention.clip=3"]
    experiment = load_experiment("trec-transformer", given[::-1] if reverse else given)
    paths = ("agent.encoder.attention.kind", "agent.encoder.attention.clip")
    assert values(experiment, *paths) == ["relative", 3]


def test_a_value_is_no_section(base: Path) -> None:
    """A key that is given both as a value and as a section is an error."""
    assert mistakes(base, "train.batch=1", "train.batch.more=1") == [
        "command line: train.batch.more: is given as a value and as a section"
    ]
    assert mistakes(base, "train.batch=many", "train.batch.more=1") == [
        "command line: train.batch: should be a whole number (got a mapping)"
    ]


def test_a_nested_part_of_another_kind_drops_options_that_it_lacks(base: Path) -> None:
    """A nested part drops the options of its old kind, also inside a part that has only one kind."""
    own = write("own.yaml", "extends: imdb-han\nagent: {encoder: {words: {pooling: {hidden: 7}}}}\n")
    experiment, notes = read_experiment(own, ["agent.encoder.words.pooling=max"])
    assert values(experiment, "agent.encoder.words.pooling.kind") == ["max"]
    dropped = "agent.encoder.words.pooling.kind=max instead of context_vector drops agent.encoder.words.pooling.hidden"
    assert notes == [f"command line: {dropped}"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("agent.encoder=bilstm", "agent.encoder: should be 'lstm', 'gru', "),
        ("agent.encoder.pooling.normaliser=softmax", "agent.encoder.pooling.normaliser: unknown key (it belongs to "),
        (
            "agent.encoder={kind: transformer, attention: sparse}",
            "agent.encoder.attention.pattern: is missing, should be 'full', 'padding', ",
        ),
        ("agent.encoder.kind=disna", "agent.encoder.kind: should be 'lstm', 'gru', "),
        ("agent.encoder.pooling=maxx", "agent.encoder.pooling: should be 'max', 'mean', "),
        ("agent.encoder.widht=3", "agent.encoder.widht: unknown key (did you mean 'agent.encoder.width'?)"),
        ("agent.encoder.kind=hierarchical", "agent.encoder: 'hierarchical' needs task.sentences: true (got false)"),
        (
            "agent.encoder={kind: transformer, width: 150}",
            "agent.encoder.attention: heads should divide the width, which is 150",
        ),
    ],
)
def test_mistakes_in_parts_of_several_kinds(given: str, problem: str) -> None:
    """A mistake in a part with several kinds is reported with its path and the possible values."""
    with pytest.raises(UserError) as caught:
        load_experiment("trec-lstm", [given])
    assert f"command line: {problem}" in str(caught.value)

"""Tests of the examples in docs/extending.md, run as written, as a package that extends glimpse by entry points."""

import json
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

from glimpse.cli.command_line import main
from tests import forked

# Its runs are made once, in one of the processes that share the tests.
pytestmark = [pytest.mark.xdist_group("extending"), pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "extending.md"
CONFIGS = {"bright-dots", "polar-digits-ram", "bars-ram", "digits-gru-ram", "copy-luong-cosine", "digits-leaky-ram"}
SWEEPS = [
    "envs/test_environments.py",
    "agents/test_agents.py",
    "agents/test_recurrent_cores.py",
    "agents/attention/test_mechanisms.py",
]
"""Tests that run over a registry."""
NAMES = ["bright-dots", "polar-digits", "gru-ram", "cosine", "leaky"]
"""Names of the page's parts, as those tests are called by them."""
COMMANDS = """
from glimpse.cli.command_line import main
small = "train.steps=4 train.batch=8 train.evaluate_every=4 threads=1 track.mode=disabled evaluate.copies=2"
for config in {configs}:
    for words in (
        f"train {{config}}.yaml {{small}} --run runs/{{config}}",
        f"evaluate runs/{{config}} --split validation",
        f"report runs/{{config}} --episodes 2",
    ):
        assert main(words.split()) == 0, words
short = "train.steps=150 train.evaluate_every=150 threads=1 track.mode=disabled"
learned = f"train bars-ram.yaml {{short}} --run runs/learned"
assert main(learned.split()) == 0 and main("evaluate runs/learned --split test --copies 2".split()) == 0
assert main(["list"]) == 0 and main(["data", "list"]) == 0
assert main("config validate bright-dots.yaml task.name=bright-dot agent.name=gru-rma".split()) == 2
print("SWEEPS", flush=True)
import pytest
raise SystemExit(pytest.main({sweeps}))
"""
"""A user's commands, and the sweeps, in one process."""


class Ended(NamedTuple):
    """What a process printed, and its exit code."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the page's files, laid out as pip would install them, with entry points in its metadata."""
    folder = tmp_path_factory.mktemp("my_attention")
    blocks = re.findall(r'```(?:python|yaml|toml) title="([\w.-]+)"\n(.*?)```', PAGE.read_text(), flags=re.DOTALL)
    for name, text in blocks:
        (folder / name).write_text(text)
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    metadata = folder / "my_attention-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-attention\nVersion: 0.1.0\n")
    groups = project["project"]["entry-points"]
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for group, names in groups.items()]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    assert {path.stem for path in folder.glob("*.py")} == set(project["tool"]["setuptools"]["py-modules"])
    return folder


def run(folder: Path, program: str) -> Ended:
    """Run a program in a folder and in a process of its own, which imports glimpse and finds the folder's packages."""
    printed = [folder / "stdout", folder / "stderr"]

    def work() -> None:
        os.chdir(folder)
        forked.take_streams(*(os.open(path, os.O_RDWR | os.O_CREAT) for path in (Path(os.devnull), *printed)))
        forked.show_warnings()
        forked.forget("glimpse", "tests")
        sys.path.insert(0, str(folder))
        exec(program, {})

    code = forked.run(work)
    return Ended(code, *(path.read_text() for path in printed))


@pytest.fixture(scope="module")
def done(package: Path) -> Ended:
    """Run the commands on the page's configs, and the sweeps; all of them must succeed."""
    assert {path.stem for path in package.glob("*.yaml")} == CONFIGS
    files = [str(Path(__file__).parent / file) for file in SWEEPS]
    sweeps = ["-v", "-p", "no:cacheprovider", *files, "-k", " or ".join(NAMES)]
    done = run(package, COMMANDS.format(configs=sorted(CONFIGS), sweeps=sweeps))
    assert done.code == 0, done.stdout[-3000:] + done.stderr
    return done


@pytest.fixture(scope="module")
def printed(done: Ended) -> str:
    """Return what the commands print."""
    return done.stdout.partition("SWEEPS")[0]


@pytest.mark.parametrize("config", sorted(CONFIGS))
def test_each_config_trains_is_evaluated_and_reported(package: Path, printed: str, config: str) -> None:
    """Each config of the page is trained, evaluated and reported by the commands of its header."""
    assert (package / f"{config}.yaml").read_text().startswith(f"# glimpse train {config}.yaml\n")
    record = json.loads((package / "runs" / config / "evaluation.json").read_text())
    assert record["validation"]["step"] == 4
    assert (package / "runs" / config / "report" / "index.html").is_file()


@pytest.mark.parametrize(
    "name",
    ["bright_dots/BrightDots-v0", "polar-digits", "gru-ram", "Cosine of query and key", "A leaky core", "1,000 + 200"],
)
def test_parts_of_the_package_are_listed(printed: str, name: str) -> None:
    """`glimpse list` and `glimpse data list` show all parts of the example package."""
    assert name in printed


def test_ram_learns_to_tell_bars_apart(package: Path, printed: str) -> None:
    """RAM learns to tell bars apart in 150 steps; chance is an error of 50 %."""
    record = json.loads((package / "runs/learned/evaluation.json").read_text())
    assert next(iter(record["test"]["scores"].values()))["greedy"]["error"] < 25


def test_registry_sweeps_include_the_package(done: Ended) -> None:
    """The tests of all environments, agents and mechanisms run on the example package's too, without a change."""
    passed = [line for line in done.stdout.partition("SWEEPS")[2].splitlines() if "PASSED" in line]
    assert all(sum(f"[{name}" in line or f"-{name}" in line for line in passed) >= 8 for name in NAMES)


def test_a_wrong_name_suggests_one_of_the_package(done: Ended) -> None:
    """Misspelled names in a config are answered with the nearest names of the example package."""
    assert "did you mean 'bright-dots'?" in done.stderr and "did you mean 'gru-ram'?" in done.stderr


BAG = """
from typing import Literal
import torch
from torch import nn
from glimpse.agents import AgentEntry
from glimpse.agents.agent import BatchAgent
from glimpse.agents.episode import Decision, Loss
from glimpse.agents.options import AgentOptions

class BagOptions(AgentOptions):
    name: Literal["bag"] = "bag"

class Bag(BatchAgent):
    steps, stochastic = 1, False
    def __init__(self, options, observation_space, action_space, **_):
        super().__init__()
        self.words = nn.EmbeddingBag(100_000, int(action_space["answer"].n), padding_idx=0)
    def initial_memory(self, observation):
        return observation["text"][:, :0]
    def forward(self, observation, memory):
        return Decision(self.words(observation["text"].flatten(1)), {}), memory
    def act(self, decision, noise, greedy):
        return {"answer": decision.answer.argmax(-1)}
    def loss(self, batch):
        answer = self.words(batch.observation["text"].flatten(1))
        return Loss(nn.functional.cross_entropy(answer, batch.label), {})

ENTRY = AgentEntry("bag:Bag", "bag:BagOptions", "Bag of words", kinds=("text",))
"""
ODD = """
import bright_dots
from glimpse.envs import EnvironmentEntry
ENTRY = EnvironmentEntry("odd/Odd-v0", environment="bright_dots:BrightDots", options="odd:OddOptions", family="audio")
class OddOptions(bright_dots.BrightDotsOptions):
    pass
"""
OWN_AGENT = """
from glimpse.cli.command_line import main
for words in ("train own.yaml --run run", "evaluate run --split validation", "report run"):
    assert main(words.split()) == 0, words
assert main("config validate digits-ram task.name=odd".split()) == 2
"""
"""A user's commands, in one process."""
TEXTS = "".join(f"{'good' if n % 2 else 'bad'}\ta {'fine' if n % 2 else 'dull'} film, number {n}\n" for n in range(40))
SMALL_TEXT = """
task: {name: text, data: 'file:texts.tsv', label: 0, text: 1, vectors: none}
agent: {name: bag}
train: {steps: 3, batch: 8, evaluate_every: 3}
track: {mode: disabled}
threads: 1
"""


def test_faults_of_a_package_are_one_line_each(package: Path, tmp_path: Path) -> None:
    """An agent of its own kind has a plain report; a broken entry point, and an unknown family, are said in a line."""
    for name, text in (("bag.py", BAG), ("odd.py", ODD), ("texts.tsv", TEXTS), ("own.yaml", SMALL_TEXT)):
        (tmp_path / name).write_text(text)
    (tmp_path / "odd-1.dist-info").mkdir()
    (tmp_path / "odd-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1\n")
    (tmp_path / "odd-1.dist-info" / "entry_points.txt").write_text(
        "[glimpse.agents]\nbag = bag:ENTRY\nlost = nowhere:ENTRY\n[glimpse.environments]\nodd = odd:ENTRY\n"
    )
    (tmp_path / "bright_dots.py").write_text((package / "bright_dots.py").read_text())
    done = run(tmp_path, OWN_AGENT)
    assert done.code == 0, done.stdout + done.stderr
    assert done.stderr.count("entry point 'lost' (nowhere:ENTRY) of glimpse.agents is left out: ModuleNotFoundError")
    assert (tmp_path / "run" / "report" / "index.html").is_file()
    assert "family 'audio', expected one of 'images'" in done.stderr


def test_without_the_package_its_parts_are_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    """A process that cannot find the example package does not list its parts."""
    assert main(["list"]) == 0
    assert "bright-dots" not in capsys.readouterr().out

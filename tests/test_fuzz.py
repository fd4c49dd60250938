"""Fuzz test: damaged configs, tables, pictures, run folders and actions end in the project's own errors, or not at all.

Seeded, so that a failure comes again: each case's number is its seed, and a failure names it. `make fuzz
FUZZ_SECONDS=600` tries more; with FUZZ_FIRST=N, those from N on.
"""

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import yaml
from gymnasium.error import Error
from PIL import Image

from glimpse.cli.command_line import main
from glimpse.config.files import load_experiment
from glimpse.config.shipped import shipped_configs
from glimpse.envs import ENVIRONMENTS
from glimpse.envs.errors import DataError
from glimpse.envs.faces.stable_baselines3_face import make_sb3_env
from glimpse.envs.images.image_data import load_images
from glimpse.envs.make_batched import make_batched_env
from glimpse.errors import UserError

# Its runs are made once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("fuzz")

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
"""Time for each kind of input; 0 for a fixed number of cases."""
FIRST = int(os.environ.get("FUZZ_FIRST", "0"))
"""Number of the first case."""
LIMIT = 30.0
"""Seconds in which a case must end."""
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 3, 10**6, 10**30, 2**63, -(2**70), 0.5, -0.0, 1e-320, 1e308, float("nan"),
    float("inf"), "", "none", "auto", "yes", "ä", "\u202e", "a\nb", "\x00", "../../x", "~nobody/x", "${HOME}",
    "file:", "folder:", "1e3", "0x10", "[" * 60, [], [1], [[]], [None], [1, 2, 3], [{"kind": []}],
    {}, {"kind": "softmax"}, {"name": 3}, {"a": {"b": {"c": 1}}},
]  # fmt: skip
"""Values that a key of a config, an option or an action may be given."""


class TooLongError(BaseException):
    """A case that took too long; not an Exception, so that nothing that is tested takes it for its own."""


@contextmanager
def tried(case: int) -> Iterator[random.Random]:
    """Give a case its generator and `LIMIT` seconds, and let whatever fails in it tell its number."""

    def stop(*_: object) -> None:
        raise TooLongError(f"case {case} took more than {LIMIT:g} seconds")

    handler, begun = signal.signal(signal.SIGALRM, stop), time.monotonic()
    others, _ = signal.setitimer(signal.ITIMER_REAL, LIMIT)  # A limit of the whole test may be running.
    try:
        yield random.Random(case)
    except BaseException as error:
        error.add_note(f"This is case {case}: FUZZ_FIRST={case} begins with it.")
        raise
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, max(0.01, others - (time.monotonic() - begun)) if others else 0)


def cases(number: int) -> Iterator[int]:
    """Yield the numbers of cases: a given count, or as many as fit into `FUZZ_SECONDS`."""
    begun, case = time.monotonic(), FIRST
    while case < FIRST + number if not SECONDS else time.monotonic() - begun < SECONDS:
        yield case
        case += 1


def damaged(data: bytes, drawn: random.Random) -> bytes:
    """Return bytes with a few of them cut off, put in, changed, repeated or moved."""
    changed = bytearray(data)
    for _ in range(drawn.randint(1, 4)):
        at, count = drawn.randrange(len(changed) + 1), drawn.randint(1, 12)
        match drawn.randrange(6):
            case 0:
                del changed[at:]
            case 1:
                del changed[at : at + count]
            case 2:
                changed[at:at] = drawn.randbytes(count)
            case 3:
                changed[at:at] = drawn.choice(
                    [b"\x00", b"\xff\xfe", b'"', b"\r\n", b"{" * 2000, b"9" * 5000, b",,,", b"\n\n"]
                )
            case 4:
                changed[at:at] = changed[:at]
            case _:
                changed[at : at + count] = drawn.randbytes(count)
    return bytes(changed[:200_000])


def paths_in(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each key of nested dicts."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield (*path, key)
        yield from paths_in(inner, (*path, key))


def test_configs() -> None:
    """A shipped config with an odd value, key or line is read or refused by a UserError."""
    names = sorted(shipped_configs())
    refused = 0
    for case in cases(150):
        with tried(case) as drawn:
            file = shipped_configs()[drawn.choice(names)]
            keys = list(paths_in(yaml.safe_load(file.read_text())))
            path = ".".join(drawn.choice([*keys, ("task", "name"), ("agent", "x"), ("train",)]))
            value = drawn.choice(ODD)
            given = drawn.choice([value, json.dumps(value), repr(value)])
            try:
                load_experiment(file, [f"{path}={given}"])
            except UserError as error:
                refused += 1
                assert str(error).strip() and "Traceback" not in str(error)
    assert refused > 50


def test_config_files(tmp_path: Path) -> None:
    """The same for the file's bytes."""
    text = shipped_configs()["planted"].read_bytes()
    for case in cases(80):
        with tried(case) as drawn:
            (tmp_path / "a.yaml").write_bytes(damaged(text, drawn))
            try:
                load_experiment(tmp_path / "a.yaml")
            except UserError as error:
                assert "a.yaml" in str(error)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
def test_tables_of_texts(suffix: str, tmp_path: Path) -> None:
    """A damaged table is read, or refused by a DataError that names it."""
    rows = [
        (f"the film was {word}, truly", label) for word, label in (("good", "yes"), ("bad", "no")) for _ in range(8)
    ]
    if suffix == "jsonl":
        whole = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    else:
        mark = "," if suffix == "csv" else "\t"
        whole = f"text{mark}label\n" + "".join(f'"{text}"{mark}{label}\n' for text, label in rows)
    for case in cases(40):
        with tried(case) as drawn:
            table = tmp_path / f"t{drawn.random()}.{suffix}"
            table.write_bytes(damaged(whole.encode(), drawn))
            try:
                make_batched_env("text", data=f"file:{table}", vectors="none")
            except DataError as error:
                assert table.name in str(error)


def test_pictures(tmp_path: Path) -> None:
    """A folder with a damaged picture is read, or refused by a DataError that names the file."""
    for part in ("train", "test"):
        for name in ("a", "b"):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(2):
                Image.new("L", (6, 5), 40 * number).save(tmp_path / part / name / f"{number}.png")
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8))
    for case in cases(60):
        with tried(case) as drawn:
            suffix = drawn.choice(["png", "jpg", "gif", "bmp", "tif", "webp"])
            victim = tmp_path / "train" / "a" / f"victim.{suffix}"
            noise.save(victim)
            victim.write_bytes(damaged(victim.read_bytes(), drawn))
            try:
                load_images(f"folder:{tmp_path}", "train")
            except DataError as error:
                assert "victim" in str(error) or "need" in str(error)
            victim.unlink()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished run, evaluated."""
    path = tmp_path_factory.mktemp("runs") / "run"
    small = ["train.steps=2", "train.batch=4", "threads=1", "track.mode=disabled", "agent.memory_width=8"]
    assert main(["train", "digits-ram", *small, "--run", str(path)]) == 0
    assert main(["evaluate", str(path), "--split", "test", "--copies", "1"]) == 0
    return path


def damage(file: Path, outside: Path, drawn: random.Random) -> None:
    """Remove a file of a run, change its bytes, or put a folder, a link or a pipe in its place."""
    match drawn.randrange(7):
        case 0:
            file.unlink()
        case 1:
            file.unlink()
            file.mkdir()
        case 2:
            outside.write_bytes(file.read_bytes())
            file.unlink()
            file.symlink_to(outside)
        case 3:
            file.unlink()
            os.mkfifo(file)
        case _:
            file.write_bytes(damaged(file.read_bytes(), drawn))


def result_of(run: Path, command: str) -> Any:
    """Return what a command has computed: the evaluation's record, or the last step's terms."""
    if command == "train":
        lines = (run / "metrics.jsonl").read_text().splitlines()
        return {key: value for key, value in json.loads(lines[-1]).items() if not key.startswith("speed/")}
    record = json.loads((run / "evaluation.json").read_text())
    scores = record["test"]["scores"].values()
    return [{key: value for key, value in score.items() if key != "seconds"} for score in scores]


def test_run_folders(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A command on a run with a damaged, missing or odd file is refused with one error, or has the right result."""
    files = sorted(file.relative_to(run) for file in run.rglob("*") if file.is_file())
    commands = [["evaluate", "--split", "test", "--copies", "1"], ["train", "--resume", "train.steps=3"]]
    copy, outside, right = tmp_path / "copy", tmp_path / "outside", {}
    for command in commands:
        shutil.copytree(run, copy)
        assert main([command[0], str(copy), *command[1:]]) == 0
        right[command[0]] = result_of(copy, command[0])
        shutil.rmtree(copy)
    capsys.readouterr()
    for case in cases(40):
        with tried(case) as drawn:
            shutil.copytree(run, copy)
            victim = copy / drawn.choice(files)
            damage(victim, outside, drawn)
            command = drawn.choice(commands)
            code = main([command[0], str(copy), *command[1:]])
            printed = capsys.readouterr()
            assert code in (0, 2) and "Traceback" not in printed.err, (victim, command)
            assert code == 0 or printed.err.count("error:") == 1, printed.err
            told = victim.name == "config.yaml" or "begins at step 0" in printed.out
            if code == 0 and not told:  # Another config may have another result, and so has a new beginning.
                assert result_of(copy, command[0]) == right[command[0]], victim
            shutil.rmtree(copy)


def odd_action(space: Any, drawn: random.Random) -> Any:
    """Return an action of a Dict space with something odd in it."""
    action: dict[Any, Any] = dict(space.sample())
    for _ in range(drawn.randint(1, 2)):
        key, value = (
            drawn.choice([*action, "fly", 3, None]),
            drawn.choice([*ODD, np.nan, np.zeros(3), np.array("a"), object()]),
        )
        if drawn.random() < 0.2:
            action.pop(key, None)
        else:
            action[key] = value
    return drawn.choice([action, action, action, list(action), value])


@pytest.mark.parametrize("name", ["digits", "catch", "number-prediction", "translate"])
def test_actions(name: str) -> None:
    """An environment takes an odd action, seed or option, or refuses it by ValueError or Gymnasium's own error."""
    options: dict[str, Any] = {"translate": {"data": "reverse", "strings": 40, "longest": 8, "tokenizer": "words"}}.get(
        name, {}
    )
    known = ENVIRONMENTS[name].id
    single = gym.make(known, disable_env_checker=True, **options)
    many, flat = gym.make_vec(known, num_envs=2, **options), make_sb3_env(name, 2, **options)
    envs: list[tuple[Any, Any]] = [(single, single.action_space), (many, many.action_space)]
    for case in cases(50):
        with tried(case) as drawn:
            env, space = drawn.choice(envs)
            space.seed(case)
            start = {"seed": drawn.choice(ODD), "options": drawn.choice([None, {}, {"example": drawn.choice(ODD)}])}
            with suppress(ValueError, Error):
                if drawn.random() < 0.3:
                    env.reset(**start)
                env.step(odd_action(space, drawn))
            observation, *_ = env.reset(seed=1)
            assert all(np.isfinite(part).all() for part in observation.values())
            flat.reset()
            width = flat.action_space.shape[0] if flat.action_space.shape else 1
            numbers: list[Any] = [
                0,
                [0],
                [[0] * width] * 2,
                [[99] * width] * 2,
                [[-1] * width] * 2,
                [["a"] * width] * 2,
            ]
            with suppress(ValueError, Error):
                flat.step(np.array(drawn.choice(numbers)))

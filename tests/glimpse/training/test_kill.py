"""Kill test of each family: a run that is killed by SIGKILL and resumed has the weights of one that never was."""

import json
import os
import subprocess
import sys
from pathlib import Path

from glimpse.envs import ENVIRONMENTS
from glimpse.families import FAMILIES

RUNS: dict[str, list[str]] = {
    "images": ["digits-ram"],
    "control": ["catch-ram", "task.screen=8", "evaluate.batch=5000"],
    "text": ["planted", "agent.embedding_width=8"],
    "reading": ["number-prediction", "agent.memory_width=8"],
    "translation": ["copy-bahdanau", "task.strings=60", "task.symbols=4", "task.longest=4"],
    "simultaneous translation": [
        "copy-simultaneous",
        "train.copies=2",
        "task.strings=60",
        "task.symbols=4",
        "task.longest=4",
    ],
    "Stable-Baselines3": ["digits-sb3-a2c"],
}
"""A small run of each family, and one that Stable-Baselines3 trains."""

DRIVER = """
import json, os, random, signal, sys, time
from pathlib import Path
from glimpse.config.files import load_experiment
from glimpse.runs.checkpoint import load_newest
from glimpse.training.train import train_command

small = ["train.steps=12", "train.batch=4", "train.evaluate_every=12", "train.save_every=2"]
small += ["train.log_every=3", "threads=1", "track.mode=disabled", "evaluate.copies=1"]

def forked(experiment, run):
    child = os.fork()
    if not child:
        sys.stdout = sys.stderr = open(os.devnull, "w")
        try:
            os._exit(train_command(experiment, run, resume=False))
        finally:
            os._exit(1)
    return child

def weights(run):
    saved = load_newest(run / "checkpoints", print)
    return saved.step, saved.weights, saved.state["learner"]["agent"]

found = {}
for number, (name, words) in enumerate(json.loads(sys.argv[1]).items()):
    drawn = random.Random(number)
    experiment = load_experiment(words[0], small + words[1:])
    killed, whole = Path(f"killed{number}"), Path(f"whole{number}")
    sys.stdout = open(os.devnull, "w")
    train_command(experiment, whole, resume=False)  # First, so that the child finds all imports made.
    child, steps = forked(experiment, killed), drawn.randint(1, 3)
    while len(list(killed.glob("checkpoints/step-*"))) == 0 or max(
        int(path.name[5:14]) for path in killed.glob("checkpoints/step-*")
    ) < 2 * steps:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.0005)
    else:
        time.sleep(drawn.random() * 0.01)
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    before = load_newest(killed / "checkpoints", print).step
    train_command(experiment, killed, resume=True)
    sys.stdout = sys.__stdout__
    (one, averaged, raw), (other, same_averaged, same_raw) = weights(killed), weights(whole)
    equal = one == other and all(averaged[key].equal(same_averaged[key]) for key in averaged)
    equal = equal and all(raw[key].equal(same_raw[key]) for key in raw)
    killed_it = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    found[name] = {"killed": killed_it, "before": before, "step": one, "equal": bool(equal)}
print(json.dumps(found))
"""


def test_every_family_is_resumed_to_the_bit_after_a_kill(tmp_path: Path) -> None:
    """Each is killed at a random moment after a checkpoint; all families of the package have a run here."""
    assert set(RUNS) - {"Stable-Baselines3"} == set(FAMILIES) == {entry.family for entry in ENVIRONMENTS.values()}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, map(Path.absolute, map(Path, sys.path))))}
    command = [sys.executable, "-W", "ignore", "-c", DRIVER, json.dumps(RUNS)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert all(each["equal"] and each["step"] == 12 for each in found.values()), found
    assert all(each["killed"] and each["before"] < 12 for each in found.values()), found

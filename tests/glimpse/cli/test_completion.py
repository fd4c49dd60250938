"""Tests of completion in shells: bash completes by the script that is printed for it."""

import argparse
import shutil
import subprocess
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import shtab

from glimpse.cli.command_line import main, make_parser
from glimpse.cli.completion_command import complete_arguments
from glimpse.cli.subcommand import command_parsers
from glimpse.config.shipped import shipped_configs
from glimpse.envs.data.registry import DATA_SETS
from glimpse.runs.run_source import zoo_names

ASK = """
source {script}
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
set -- $(complete -p glimpse)
while [ "$1" != -F ]; do shift; done
"$2"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
"""Asks bash for completions of the last word, by the function that it would call."""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the script for bash, in a folder with a run, a config and a picture."""
    folder = tmp_path_factory.mktemp("here")
    for made in ("runs/mine", "photos"):
        (folder / made).mkdir(parents=True)
    for made in ("my.yaml", "digit.png"):
        (folder / made).touch()
    with (folder / "glimpse.bash").open("w") as written, redirect_stdout(written):
        assert main(["completion", "bash"]) == 0
    return folder / "glimpse.bash"


@pytest.mark.skipif(shutil.which("bash") is None, reason="it needs bash")
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("glimpse tra", {"train", "translate"}),
        ("glimpse train mnist-ra", {name for name in shipped_configs() if name.startswith("mnist-ra")}),
        ("glimpse train my", {"my.yaml"}),
        ("glimpse train --resume ru", {"runs"}),
        ("glimpse train mnist-ram --fo", {"--folder"}),
        ("glimpse train mnist-ram --folder ph", {"photos"}),
        ("glimpse evaluate runs/", {"runs/mine"}),
        ("glimpse evaluate mnist-s", {"mnist-stop-01"}),
        ("glimpse evaluate mnist-ram --split v", {"validation"}),
        ("glimpse evaluate mnist-ram --device cu", {"cuda"}),
        ("glimpse predict mnist-ram di", {"digit.png"}),
        ("glimpse compare runs/mine sick", {"sick-r-lstm"}),
        ("glimpse zoo ''", set(zoo_names())),
        ("glimpse data fetch fas", {"fashion-mnist"}),
        ("glimpse data ver", {"verify"}),
        ("glimpse reproduce transl", {"translated", "translation"}),
        ("glimpse completion ''", {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes(words: str, completed: set[str], script: Path) -> None:
    """The words that fit are offered, and no others."""
    ask = ASK.format(script=script, words=words)
    done = subprocess.run(["bash", "-c", ask], cwd=script.parent, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == completed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It names all commands, options, configs, agents of the zoo and data sets."""
    assert shell in shtab.SUPPORTED_SHELLS
    assert main(["completion", shell]) == 0
    printed = capsys.readouterr().out
    for name, parser in command_parsers(make_parser()).items():
        assert name in printed
        shown_actions = [action for action in parser._actions if action.help != argparse.SUPPRESS]
        options = [option for action in shown_actions for option in action.option_strings]
        shown = [f"-l {option[2:]}" if shell == "fish" and option[1] == "-" else option for option in options]
        assert all(option in printed or option in ("-h", "-l help") for option in shown)
    assert all(name in printed for name in (*shipped_configs(), *zoo_names(), *DATA_SETS))


def test_an_argument_that_nobody_thought_of_is_noticed() -> None:
    """An argument without choices is completed, or listed as free, so that a new one cannot be forgotten."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--colour", metavar="HUE")
    with pytest.raises(LookupError, match="no completion for colour, shown as HUE"):
        complete_arguments("train", parser)

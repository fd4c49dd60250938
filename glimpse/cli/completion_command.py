"""`glimpse completion`: print a script with which a shell completes commands, options and names, by shtab."""

import argparse
from collections.abc import Iterable
from typing import Any

from glimpse.cli.subcommand import Commands, add_command, command_parsers

_SHELLS = ("bash", "zsh", "fish")
_FREE = {
    *("a.b=c", "task.KEY=VALUE", "TEXT", "MASK"),
    *("A", "B", "K", "M", "N", "S", "X"),
    *("predict.column", "predict.column2"),
}
"""What is typed freely: names of arguments in the help, or of a command's arguments."""


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """completion bash > glimpse.bash
                  completion zsh > _glimpse"""
    summary = "Print a script that completes commands, options, configs, agents and runs in a shell"
    parser = add_command(commands, "completion", _run, summary, examples)
    parser.add_argument("shell", choices=_SHELLS, metavar="|".join(_SHELLS), help="the shell")


def _run(arguments: argparse.Namespace) -> None:
    import shtab

    for name, command in command_parsers(arguments.root).items():
        complete_arguments(name, command)
    print(shtab.complete(arguments.root, arguments.shell))


def complete_arguments(name: str, parser: argparse.ArgumentParser) -> None:
    """Tell shtab how to complete the arguments of a command that have no fixed choices.

    Raises:
        LookupError: if it is not known how, and an argument is not listed as a free one.
    """
    completions = _completions()
    for action in parser._actions:
        keys = (f"{name}.{action.dest}", str(action.metavar))
        hidden = action.help == argparse.SUPPRESS
        if hidden or action.choices or action.nargs == 0 or any(key in _FREE for key in keys):
            continue
        known = next((completions[key] for key in keys if key in completions), None)
        if known is None:
            raise LookupError(f"{name}: no completion for {action.dest}, shown as {action.metavar}")
        vars(action)["complete"] = known


def _completions() -> dict[str, Any]:
    """Return completions by names of arguments in the help, and of a command's arguments."""
    import shtab

    from glimpse.cli.bench_command import NAMES
    from glimpse.config.shipped import shipped_configs
    from glimpse.envs.data.registry import DATA_SETS
    from glimpse.reproduction.tables import TABLES
    from glimpse.runs.run_source import zoo_names

    agents, configs = zoo_names(), list(shipped_configs())
    return {
        "FILE": shtab.FILE,
        "INPUT": shtab.FILE,
        "DIR": shtab.DIRECTORY,
        "RUN": _words("run", agents, folders=True),
        "RUN... TARGET": _words("run", agents, folders=True),
        "CONFIG": _words("config", configs, folders=True, files=True),
        "TABLE": _words("table", TABLES),
        "D": _words("device", ("auto", "cpu", "cuda")),
        "ADDRESS": _words("ray", ("auto", "local")),
        "predict.documents": shtab.DIRECTORY,
        "zoo.name": _words("agent", agents),
        "KIND": _words("vectors", ("hashing", "glove")),
        "data.names": _words("data", [*DATA_SETS, "glove"], folders=True),
        "bench.only": _words("bench", NAMES),
        "reproduce.only": _words("line", configs),
    }


def _words(name: str, words: Iterable[str], folders: bool = False, files: bool = False) -> dict[str, Any]:
    """Return a completion by words, and by folders or files, in the form of shtab."""
    listed = " ".join(words)
    # By `dir` in its name shtab knows a function whose words may be folders.
    function = f"_glimpse_dir_{name}" if folders else f"_glimpse_{name}"
    kinds = {"bash": "-f", "zsh": "_files", "fish": "(__fish_complete_path (commandline -ct))"}
    if not files:
        kinds = {"bash": "-d", "zsh": "_files -/", "fish": "(__fish_complete_directories)"}
    bash = [f'  compgen -W "{listed}" -- "$1"', *([f'  compgen {kinds["bash"]} -- "$1"'] if folders else [])]
    zsh = [f"'{name}s:{name}:({listed})'", *([f"'paths:path:{kinds['zsh']}'"] if folders else [])]
    return {
        "bash": function,
        "zsh": function,
        "fish": f"{listed} {kinds['fish']}" if folders else listed,
        "preamble": {
            "bash": "\n".join([f"{function}() {{", *bash, "}"]),
            "zsh": f"{function}() {{ _alternative {' '.join(zsh)} }}",
        },
    }

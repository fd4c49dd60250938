"""`glimpse config`: show or check a config, or print its schema."""

import argparse
import json

from glimpse.cli.subcommand import Commands, add_command, add_overrides


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """config show mnist-ram train.steps=10
                  config schema > glimpse.schema.json"""
    parser = add_command(commands, "config", _run, "Show or check a config, or print its schema", examples, "overrides")
    parser.add_argument("action", choices=("show", "validate", "schema"), metavar="show|validate|schema")
    parser.add_argument("config", nargs="?", metavar="CONFIG", help="config file, or the name of a shipped config")
    add_overrides(parser)


def _run(arguments: argparse.Namespace) -> None:
    from glimpse.cli.named_experiment import named_experiment
    from glimpse.config.file_schema import experiment_schema
    from glimpse.config.files import dump_experiment

    if arguments.action == "schema":
        print(json.dumps(experiment_schema(), indent=2))
    elif arguments.config is None:
        arguments.parser.error(f"{arguments.action} needs a CONFIG")
    else:
        experiment = named_experiment(arguments)
        print("ok" if arguments.action == "validate" else dump_experiment(experiment).rstrip())

"""`glimpse export`: write a trained agent for another program."""

import argparse
from pathlib import Path

from glimpse.cli.subcommand import Commands, add_command


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """export runs/digits-ram-seed0 --onnx digits.onnx
                  export sst2-attention --onnx opinions.onnx"""
    parser = add_command(commands, "export", _run, "Write a trained agent as a file for onnxruntime", examples)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    told = "file to write, .onnx; beside it a .json says what its inputs, outputs and numbers mean"
    parser.add_argument("--onnx", type=Path, metavar="FILE", required=True, help=told)


def _run(arguments: argparse.Namespace) -> None:
    from glimpse.inference.onnx_export import export_command

    export_command(arguments.run, arguments.onnx)

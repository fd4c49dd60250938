"""`glimpse predict`: answer pictures, texts and tables of one's own with a trained run."""

import argparse
from pathlib import Path

from glimpse.cli.option_types import count_up_to, threshold
from glimpse.cli.subcommand import Commands, add_command, add_device


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """predict mnist-ram digit.png
                  predict sst2-attention 'a film to remember' --json"""
    parser = add_command(commands, "predict", _run, "Answer pictures, texts and tables of your own", examples, "inputs")
    parser.add_argument("run", metavar="RUN", help="folder of the run")
    told = "a picture, a folder of pictures, a text, a .csv, .tsv or .jsonl table, or - for lines of standard input"
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help=told)
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="a JSON object a line, with all that is known of it")
    told = "a table: all columns of the input, prediction, probability, and what the agent chose to see"
    forms.add_argument("--csv", action="store_true", help=told)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there; .csv, .tsv or .jsonl say the format")
    parser.add_argument("--column", metavar="NAME", help="column of a table with the texts (or the pictures' files)")
    parser.add_argument("--column2", metavar="NAME", help="column of the second text, for a run that reads pairs")
    parser.add_argument("--rollouts", type=count_up_to(10_000), metavar="M", help="average M sampled rollouts of each")
    parser.add_argument("--seed", type=count_up_to(2**62), metavar="S", help="of sampled rollouts (default: 0)")
    parser.add_argument(
        "--budget", type=count_up_to(1000), metavar="N", help="answer each picture after N looks at most"
    )
    told = "look on only while the looks to come are worth X nats or more, as an anytime agent predicts"
    parser.add_argument("--threshold", type=threshold, metavar="X", help=told)
    parser.add_argument("--batch", type=count_up_to(100_000), metavar="B", help="inputs that are answered at once")
    told = "inputs are questions about the documents of a folder (text, Markdown, HTML, PDF), which are searched"
    parser.add_argument("--documents", metavar="FOLDER", help=told)
    add_device(parser, None)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.column2 and not arguments.column:
        arguments.parser.error("--column2 needs --column")
    from glimpse.inference.predict_files import predict_files

    names = ("rollouts", "seed", "budget", "threshold", "documents")
    chosen = {name: getattr(arguments, name) for name in names}
    return predict_files(
        arguments.run,
        arguments.inputs,
        form="json" if arguments.json else "csv" if arguments.csv else None,
        output=arguments.output,
        columns=[column for column in (arguments.column, arguments.column2) if column],
        batch=arguments.batch,
        device=arguments.device,
        options={name: value for name, value in chosen.items() if value is not None},
    )

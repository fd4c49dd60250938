"""The subcommands of `glimpse`: their options, and what each runs.

A subcommand imports what it needs when it is run, so that help and mistakes in a config are answered at once.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from glimpse.option_types import at_least_zero, count, device, share

_Commands: TypeAlias = "argparse._SubParsersAction[Any]"


def add_commands(commands: _Commands) -> None:
    """Add every subcommand: its parser's defaults name the handler, the parser, and its list of words."""
    for add in (
        _add_train,
        _add_evaluate,
        _add_translate,
        _add_show,
        _add_masks,
        _add_data,
        _add_list,
        _add_config,
        _add_bench,
        _add_reproduce,
    ):
        add(commands)


def _add_train(commands: _Commands) -> None:
    examples = """train configs/mnist-ram.yaml
                  train mnist-ram train.steps=1000 agent.name=random --run runs/random
                  train --resume runs/random"""
    parser = _add(commands, "train", _train, "Train an agent, or go on with a run", examples, words="overrides")
    parser.add_argument("config", metavar="CONFIG", help="config file or shipped config; with --resume a run's folder")
    _add_overrides(parser)
    parser.add_argument("--run", type=Path, metavar="DIR", help="folder of the run (default: runs/CONFIG-seedN)")
    parser.add_argument("--resume", action="store_true", help="go on where the run was stopped")


def _train(arguments: argparse.Namespace) -> int:
    from glimpse.named_experiment import new_run, resumed_run

    experiment, run = resumed_run(arguments) if arguments.resume else new_run(arguments)
    # Torch takes seconds to import, and mistakes in the config are known by now.
    from glimpse.train import train_command

    return train_command(experiment, run, arguments.resume)


def _add_overrides(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "overrides", nargs="*", default=[], metavar="a.b=c", help="values that replace those of the config"
    )


def _add_evaluate(commands: _Commands) -> None:
    examples = """evaluate runs/mnist-ram-seed0
                  evaluate runs/mnist-ram-seed0 --split validation --copies 1
                  evaluate runs/trec-lstm-seed0 --text "Who wrote this sentence?\""""
    parser = _add(
        commands, "evaluate", _evaluate, "Measure a run beside the controls, or have it read a text", examples
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("--split", choices=("test", "validation"), help="default: test")
    parser.add_argument("--copies", type=count, metavar="M", help="episodes averaged for each example")
    parser.add_argument("--batch", type=count, metavar="B", help="examples side by side")
    parser.add_argument("--share", type=share, metavar="S", help="of words, named as reasons where people marked some")
    _add_average(parser)
    parser.add_argument("--text", metavar="TEXT", help="measure nothing; answer this, and show what was attended to")
    parser.add_argument("--text2", metavar="TEXT", help="the second text, where a run reads pairs")
    _add_device(parser, None)


def _evaluate(arguments: argparse.Namespace) -> None:
    if arguments.text is None:
        if arguments.text2 is not None:
            arguments.parser.error("--text2 needs --text")
        from glimpse.evaluate import evaluate_command

        split = arguments.split or "test"
        return evaluate_command(
            arguments.run,
            split,
            arguments.copies,
            arguments.batch,
            arguments.device,
            arguments.share,
            arguments.average,
        )
    for option in ("split", "copies", "batch", "share", "average"):
        if getattr(arguments, option) is not None:
            arguments.parser.error(f"--text measures nothing, so it takes no --{option}")
    from glimpse.text.own_text import read_command

    read_command(arguments.run, arguments.text, arguments.text2, arguments.device)


def _add_translate(commands: _Commands) -> None:
    examples = """translate runs/multi30k-bahdanau-seed0 "two dogs play in the snow" --show
                  translate runs/multi30k-bahdanau-seed0 < english.txt > german.txt"""
    parser = _add(
        commands, "translate", _translate, "Translate texts, or standard input line by line", examples, "texts"
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("texts", nargs="*", default=[], metavar="TEXT", help="default: the lines of standard input")
    parser.add_argument("--beam", type=count, metavar="K", help="translations kept at each piece; 1: greedy search")
    parser.add_argument("--length-penalty", type=at_least_zero, metavar="A", help="the larger, the longer")
    parser.add_argument("--batch", type=count, default=1, metavar="B", help="lines translated at once (default: 1)")
    parser.add_argument("--show", action="store_true", help="print what was attended to below each translation")
    parser.add_argument("--heads", action="store_true", help="print it of each head, not the mean of the last layer's")
    parser.add_argument("--output", type=Path, metavar="FILE", help="draw it, head by head, into this .svg or .png")
    _add_average(parser)
    _add_device(parser, None)


def _add_average(parser: argparse.ArgumentParser) -> None:
    told = "take the mean weights of the K newest checkpoints (train.keep), not the best on validation data"
    parser.add_argument("--average", type=count, metavar="K", help=told)


def _translate(arguments: argparse.Namespace) -> None:
    from glimpse.translation.command import translate_command

    translate_command(
        arguments.run,
        arguments.texts,
        beam=arguments.beam,
        length_penalty=arguments.length_penalty,
        batch=arguments.batch,
        show=arguments.show or arguments.heads,
        heads=arguments.heads,
        output=arguments.output,
        device=arguments.device,
        average=arguments.average,
    )


def _add_show(commands: _Commands) -> None:
    examples = "show runs/mnist-ram-seed0\nshow runs/mnist-ram-seed0 --output pictures --episodes 8"
    parser = _add(commands, "show", _show, "Write the report and the pictures of a run", examples)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where to write (default: RUN/report)")
    parser.add_argument(
        "--episodes", type=count, default=16, metavar="N", help="episodes, or texts, shown (default: 16)"
    )


def _show(arguments: argparse.Namespace) -> None:
    from glimpse.report import show_command

    show_command(arguments.run, arguments.output, arguments.episodes)


def _add_masks(commands: _Commands) -> None:
    examples = """masks
                  masks causal '{kind: window, width: 2}' --size 12
                  masks '{kind: any_of, masks: [{kind: window, width: 1}, {kind: global}]}' --output mask.svg"""
    parser = _add(commands, "masks", _masks, "Draw masks of attention", examples, words="masks")
    told = "as in a config, or the kind alone (default: all that there are)"
    parser.add_argument("masks", nargs="*", default=[], metavar="MASK", help=told)
    parser.add_argument("--size", type=count, default=8, metavar="N", help="tokens on each side (default: 8)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="draw into this file, .svg or .png, instead")


def _masks(arguments: argparse.Namespace) -> None:
    from glimpse.text.masks import masks_command

    masks_command(arguments.masks, arguments.size, arguments.output)


def _add_data(commands: _Commands) -> None:
    examples = "data list\ndata fetch mnist\ndata verify mnist --root /data"
    parser = _add(commands, "data", _data, "List, fetch or check data sets", examples, words="names")
    parser.add_argument("action", choices=("list", "fetch", "verify"), metavar="list|fetch|verify")
    parser.add_argument("names", nargs="*", default=[], metavar="NAME", help="data sets (default: all known by name)")
    parser.add_argument("--root", metavar="DIR", help="data folder (default: GLIMPSE_DATA, then the cache)")
    parser.add_argument("--force", action="store_true", help="fetch again what is there already")


def _data(arguments: argparse.Namespace) -> None:
    from glimpse.data_command import fetch, list_data, verify

    if arguments.action == "fetch":
        fetch(arguments.names, arguments.root, arguments.force)
    elif arguments.action == "verify":
        verify(arguments.names, arguments.root)
    elif arguments.names:
        arguments.parser.error("list takes no names")
    else:
        list_data(arguments.root)


def _add_list(commands: _Commands) -> None:
    parser = _add(commands, "list", _list, "List worlds, agents and configs", "list\nlist worlds")
    what = ("worlds", "agents", "configs")
    parser.add_argument("what", nargs="?", choices=what, metavar="|".join(what), help="default: all of them")


def _list(arguments: argparse.Namespace) -> None:
    from glimpse.listing import list_command

    list_command(arguments.what)


def _add_config(commands: _Commands) -> None:
    examples = """config show mnist-ram train.steps=10
                  config validate my.yaml
                  config schema > glimpse.schema.json"""
    parser = _add(commands, "config", _config, "Show or check a config, or print its schema", examples, "overrides")
    parser.add_argument("action", choices=("show", "validate", "schema"), metavar="show|validate|schema")
    parser.add_argument("config", nargs="?", metavar="CONFIG", help="config file, or the name of a shipped config")
    _add_overrides(parser)


def _config(arguments: argparse.Namespace) -> None:
    from glimpse.config_file import dump_experiment, experiment_schema
    from glimpse.named_experiment import named_experiment

    if arguments.action == "schema":
        print(json.dumps(experiment_schema(), indent=2))
    elif arguments.config is None:
        arguments.parser.error(f"{arguments.action} needs a CONFIG")
    else:
        experiment = named_experiment(arguments)
        print("ok" if arguments.action == "validate" else dump_experiment(experiment).rstrip())


def _add_bench(commands: _Commands) -> None:
    examples = "bench --quick\nbench --only training world --output results"
    parser = _add(commands, "bench", _bench, "Measure speed", examples)
    parser.add_argument("--quick", action="store_true", help="a shorter measurement, of less precision")
    parser.add_argument("--output", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="measure only these")
    _add_device(parser, "auto")


def _bench(arguments: argparse.Namespace) -> None:
    from glimpse.bench import bench_command

    bench_command(arguments.quick, arguments.output, arguments.only, arguments.device)


def _add_reproduce(commands: _Commands) -> None:
    from glimpse.tables import TABLES

    examples = """reproduce mnist
                  reproduce cluttered threads=1 --only cluttered-ram cluttered-random --seeds 1
                  reproduce mnist --quick"""
    parser = _add(commands, "reproduce", _reproduce, "Make a table of results", examples, words="overrides")
    parser.add_argument("table", metavar="TABLE", help=", ".join(TABLES))
    _add_overrides(parser)
    parser.add_argument("--only", nargs="+", default=[], metavar="CONFIG", help="only the lines of these configs")
    parser.add_argument("--seeds", type=count, metavar="N", help="runs of each line (default: as the table says)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="run folders (default: runs)")
    parser.add_argument("--output", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    parser.add_argument("--quick", action="store_true", help="a smoke run, written to TABLE-quick: one seed, 30 steps")


def _reproduce(arguments: argparse.Namespace) -> int:
    from glimpse.reproduce import reproduce_command

    # argparse gives the words after --only to it, whatever they are.
    only = [word for word in arguments.only if "=" not in word]
    overrides = [*arguments.overrides, *(word for word in arguments.only if "=" in word)]
    return reproduce_command(
        arguments.table,
        arguments.runs,
        arguments.output,
        seeds=arguments.seeds,
        only=only,
        quick=arguments.quick,
        overrides=overrides,
    )


def _add_device(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument("--device", type=device, default=default, metavar="D", help="auto, cpu, cuda or cuda:N")


def _add(
    commands: _Commands,
    name: str,
    handler: Callable[[argparse.Namespace], int | None],
    summary: str,
    examples: str,
    words: str | None = None,
) -> argparse.ArgumentParser:
    """A subcommand; `words` names its list of words, if it has one."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary[0].lower() + summary[1:],
        description=f"{summary}.",
        epilog="examples:\n" + "\n".join(f"  glimpse {line.strip()}" for line in examples.splitlines()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(handler=handler, parser=parser, words=words)
    return parser

"""`glimpse sweep`: train many runs of a config with other values, and rank them by validation data."""

import argparse
from pathlib import Path

from glimpse.cli.option_types import count_up_to
from glimpse.cli.subcommand import Commands, add_command, add_workers


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """sweep digits-ram 'train.learning_rate=log(1e-4,1e-2)' --trials 8
                  sweep digits-ram 'agent.sigma.end=choice(0.03,0.05)' --workers 2 --folder runs/sigma"""
    summary = "Train a config with many values, and rank them by validation data"
    parser = add_command(commands, "sweep", _run, summary, examples, words="overrides")
    parser.add_argument("config", metavar="CONFIG", help="config file or shipped config")
    told = "a value for all trials; or values to try: a.b=log(LOW,HIGH), uniform(LOW,HIGH), integer(LOW,HIGH), "
    parser.add_argument("overrides", nargs="*", default=[], metavar="a.b=c", help=told + "choice(A,B,...)")
    parser.add_argument("--trials", type=count_up_to(100_000), default=20, metavar="N", help="how many (default: 20)")
    add_workers(parser)
    parser.add_argument("--folder", type=Path, metavar="DIR", help="of the sweep (default: runs/CONFIG-sweep)")
    parser.add_argument("--sampler", choices=("tpe", "random", "qmc"), default="tpe", help="Optuna's (default: tpe)")
    parser.add_argument(
        "--pruner", choices=("none", "median", "halving"), default="none", help="stops trials that are behind"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the sampler (default: 0)")


def _run(arguments: argparse.Namespace) -> None:
    from glimpse.errors import UserError

    try:
        import optuna  # noqa: F401  (only to say what to install)
    except ImportError:
        raise UserError("a sweep needs Optuna, which is not installed: pip install 'glimpse-rl[sweep]'") from None
    from glimpse.cli.sweep_listing import show_sweep
    from glimpse.envs.printed_lines import print_line
    from glimpse.sweeps.choose_workers import choose_workers
    from glimpse.sweeps.search_space import is_searched
    from glimpse.sweeps.sweep import Sweep, run_sweep

    searched = tuple(word for word in arguments.overrides if is_searched(word))
    fixed = tuple(word for word in arguments.overrides if word not in searched)
    folder = arguments.folder or Path("runs") / f"{Path(arguments.config).stem}-sweep"
    sweep = Sweep(
        arguments.config, fixed, searched, arguments.trials, arguments.sampler, arguments.pruner, arguments.seed
    )
    sweep.check()
    workers = choose_workers(arguments.workers, arguments.ray)
    show_sweep(run_sweep(sweep, folder, workers, print_line), folder)

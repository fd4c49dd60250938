"""`glimpse bench`: measure speed."""

import argparse
from pathlib import Path

from glimpse.cli.subcommand import Commands, add_command, add_device

NAMES = (
    "training evaluation environment shares pixels encoders ragged token2token relative sparse reinforced "
    "estimators translation sharing scaling latency search peers time-to-error"
).split()
"""Names of the benchmarks, as in `glimpse.benchmarks.bench.BENCHES`, which imports torch."""


def add(commands: Commands) -> None:
    """Add the subcommand."""
    examples = """bench --quick
                  bench --only training environment --output results"""
    parser = add_command(commands, "bench", _run, "Measure speed", examples)
    parser.add_argument("--quick", action="store_true", help="a shorter measurement, of less precision")
    parser.add_argument("--output", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    told = f"measure only these of {', '.join(NAMES)}"
    parser.add_argument("--only", nargs="+", default=[], choices=NAMES, metavar="NAME", help=told)
    add_device(parser, "auto")


def _run(arguments: argparse.Namespace) -> None:
    from glimpse.benchmarks.bench import bench_command

    bench_command(arguments.quick, arguments.output, arguments.only, arguments.device)

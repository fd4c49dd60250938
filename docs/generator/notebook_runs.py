"""Runs the code of notebooks, each in a process of its own, and says which cell failed."""

import asyncio
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError
from traitlets.config import Config

from docs.generator.notebook_sources import Source

ROOT = Path(__file__).parents[2]
_AT_ONCE, _SECONDS_OF_A_CELL, _LINES_OF_TRACEBACK = 2, 300, 20
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class NotebookError(Exception):
    """A cell of a notebook failed; the message names notebook and cell."""


def run_notebooks(sources: list[Source], finished: Callable[[Source, list[Any]], None]) -> None:
    """Run notebooks, two at once.

    Args:
        sources: the notebooks.
        finished: called for each that ran to its end, with the outputs of its code cells.

    Raises:
        NotebookError: once all have ended, if any failed.
    """
    failures = asyncio.run(_run_all(sources, finished))
    if failures:
        raise NotebookError("\n\n".join(failures))


async def _run_all(sources: list[Source], finished: Callable[[Source, list[Any]], None]) -> list[str]:
    """Run notebooks, and describe the failures."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def run(source: Source) -> str | None:
        async with places:
            begun = time.perf_counter()
            failure = await _run(source)
            print(f"{source.path.name}: {'failed' if failure else 'run'} in {time.perf_counter() - begun:.0f} s")
        if not failure:
            finished(source, [_shown(cell.outputs) for cell in source.notebook.cells if cell.cell_type == "code"])
        return failure

    return [failure for failure in await asyncio.gather(*map(run, sources)) if failure]


async def _run(source: Source) -> str | None:
    """Run a notebook in an empty folder, and describe its failure if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        # Sockets are files, so that no port can be taken by others.
        kernel = {"transport": "ipc", "connection_file": f"{folder}/kernel.json"}
        client = NotebookClient(
            source.notebook,
            config=Config(KernelManager=kernel),
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            timeout=_SECONDS_OF_A_CELL,
            record_timing=False,
        )
        try:
            await client.async_execute(env=_environment(folder))
        except (CellControlSignal, DeadKernelError) as problem:
            return _describe(source, client.code_cells_executed, problem)
    return None


def _shown(outputs: list[Any]) -> list[Any]:
    """Leave out what was printed to standard error, such as progress: it differs from run to run."""
    return [output for output in outputs if output.get("name") != "stderr"]


def _environment(folder: str) -> dict[str, str]:
    """Return the environment variables of a kernel: the checkout's code, one thread, no GPU, no data but packages'."""
    own = {
        "PYTHONPATH": str(ROOT),
        "IPYTHONDIR": f"{folder}/.ipython",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "WANDB_MODE": "disabled",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    return {name: value for name, value in os.environ.items() if name != "GLIMPSE_DATA"} | own


def _describe(source: Source, count: int, problem: Exception) -> str:
    """Describe the failure of a notebook's code cell number `count`: its first line, its error and the traceback."""
    first = source.code[count - 1].partition("\n")[0] if count else "none was run"
    error = f"{problem.ename}: {problem.evalue}" if isinstance(problem, CellExecutionError) else type(problem).__name__
    trace = _COLOURS.sub("", str(problem)).strip().splitlines()[-_LINES_OF_TRACEBACK:]
    return "\n".join([f"{source.path}, code cell {count} ({first}): {error}", *trace])

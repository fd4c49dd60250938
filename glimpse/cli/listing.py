"""Tables of what there is: worlds, agents and shipped configs. Nothing heavy is imported here."""

from itertools import takewhile
from pathlib import Path
from pkgutil import resolve_name

from rich.console import Console
from rich.table import Table

from glimpse.agents import AGENTS
from glimpse.config.experiment import TaskOptions
from glimpse.config.files import shipped_configs
from glimpse.envs import WORLDS
from glimpse.envs.options import CatchOptions, ClassificationOptions, DigitPairOptions, RetinaOptions
from glimpse.envs.text.reading_options import ReadingOptions
from glimpse.envs.text.select_options import SelectOptions
from glimpse.envs.text.skim_options import SkimOptions
from glimpse.envs.translation.interpret_options import InterpretOptions
from glimpse.envs.translation.options import TranslationOptions


def list_command(what: str | None) -> None:
    """Print one table (`worlds`, `agents` or `configs`), or all of them."""
    # Without a terminal nothing is cut to its width, so that the lines can be searched.
    console = Console(width=None if Console().is_terminal else 200)
    tables = {
        "worlds": ("Worlds (task.name)", _worlds),
        "agents": ("Agents (agent.name)", _agents),
        "configs": ("Configs (glimpse train NAME)", _configs),
    }
    for title, table in [tables[what]] if what else tables.values():
        console.print(title, style="bold", highlight=False)
        console.print(table())


def describe_config(file: Path) -> str:
    """The first line of the header's comment that is not the command."""
    lines = file.read_text(encoding="utf-8").splitlines()
    header = [line.lstrip("#").strip() for line in takewhile(lambda line: line.startswith("#"), lines)]
    return next((text for text in header if text and "glimpse train" not in text), "")


def _worlds() -> Table:
    table = _table("name", "gym id", "data", "picture", "retina", "steps")
    for name, world in WORLDS.items():
        task = resolve_name(world.options).model_validate({"name": name})
        table.add_row(name, world.id, *_describe_world(task, _describe_sight(getattr(task, "retina", None))))
    return table


def _describe_sight(retina: RetinaOptions | None) -> str:
    if retina is None:
        return "none"
    return f"{retina.scales} scale{'s' if retina.scales > 1 else ''} of {retina.patch}x{retina.patch}"


def _describe_world(task: TaskOptions, sight: str) -> tuple[str, str, str, str]:
    """What is shown, of what size, through which retina, and for how many steps."""
    match task:
        case CatchOptions():
            return "a falling ball", f"{task.screen}x{task.screen}", sight, f"up to {task.steps}"
        case ClassificationOptions():
            canvas = task.canvas
            size = "the image" if canvas.kind == "plain" else f"{canvas.kind} {canvas.size}x{canvas.size}"
            return task.data, size, sight, str(task.glimpses)
        case DigitPairOptions():
            return f"{task.data}, two", f"pair {task.size}x{task.size}", sight, str(2 * task.glimpses)
        case SelectOptions():
            return task.data, "a whole text", sight, "1"
        case SkimOptions():
            piece = "sentence" if task.sentences else "word"
            size = f"{task.window} {piece}{'s' if task.window > 1 else ''} a look"
            return task.data, size, sight, f"up to {task.jumps + 1}"
        case InterpretOptions():
            return (
                f"{task.data}, {task.source}-{task.target}",
                "a piece a step",
                sight,
                f"up to {2 * task.max_pieces + 2}",
            )
        case TranslationOptions():
            return f"{task.data}, {task.source}-{task.target}", "a whole sentence", sight, "1"
        case ReadingOptions():
            return task.data, "a whole text", sight, "1"


def _agents() -> Table:
    table = _table("name", "summary")
    for name, agent in AGENTS.items():
        table.add_row(name, agent.summary)
    return table


def _configs() -> Table:
    table = _table("name", "what it is")
    for name, file in shipped_configs().items():
        table.add_row(name, describe_config(file))
    return table


def _table(*columns: str) -> Table:
    table = Table(*columns, box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    return table

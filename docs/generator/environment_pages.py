"""A page for each registered environment, made from its docstring, spaces, options and pictures."""

import io
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from PIL import Image

from docs.generator.docstring_parts import labelled_parts
from docs.generator.markdown_text import code, plain, table
from docs.generator.option_tables import options_page
from docs.generator.page_links import link_of_part
from docs.generator.registry_facts import configs_of, result_links
from docs.generator.stand_in_data import stand_in_options
from glimpse.agents import AGENTS
from glimpse.envs import ENVIRONMENTS, EnvironmentEntry

_MOST_FRAMES, _MOST_WIDTH, _COLOURS, _MARGIN = 12, 900, 32, 10


def write_environment_pages(folder: Path, data: Path) -> None:
    """Write a page and an animation for each environment of the registry, and the page that lists them.

    Args:
        folder: where pages are written.
        data: where small data that the animations need are written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, entry in ENVIRONMENTS.items():
        env = _make(name, entry, data)
        (folder / f"{name}.gif").write_bytes(animation(env))
        (folder / f"{name}.md").write_text(environment_page(name, entry, env), encoding="utf-8")
        rows.append([f"[{code(entry.id)}]({name}.md)", code(name), plain(_first_line(entry)), entry.family])
        env.close()
    listing = table(["id", "`task.name`", "what the agent does", "family"], rows)
    (folder / "environments.txt").write_text(listing, encoding="utf-8")


def environment_page(name: str, entry: EnvironmentEntry, env: gym.Env[Any, Any]) -> str:
    """Return the page of an environment as Markdown.

    Args:
        name: its name in the registry.
        entry: its entry.
        env: the environment, made with data that are here.
    """
    description, parts = labelled_parts(resolve_name(entry.environment))
    *told, version = description.split("\n\n") if "\nVersion" in description else [description, "Version 0."]
    model = resolve_name(entry.options)
    call = f'env = gym.make("{entry.id}", render_mode="rgb_array")'
    return "\n".join(
        [
            f"# {entry.id.partition('/')[2]}\n",
            f"![An episode of {entry.id} with random actions, step by step]({name}.gif)\n",
            "*An episode with random actions, on small data made for this page.*\n",
            *(plain(paragraph) + "\n" for paragraph in told),
            f"```python\nimport gymnasium as gym\nimport glimpse  # registers the environments\n\n{call}\n```\n",
            _facts(name, entry),
            "## Observation\n",
            plain(parts.get("Observation", "")) + "\n",
            space_table(env.observation_space),
            "## Action\n",
            plain(parts.get("Action", "")) + "\n",
            space_table(env.action_space),
            "Shapes, classes and vocabulary in both tables are those of the small data; they follow the data and the "
            "options.\n",
            "## Reward\n",
            plain(parts.get("Reward", "See the description above.")) + "\n",
            "## Episode\n",
            *(f"- **{label}:** {plain(parts[label])}" for label in ("Start", "End") if label in parts),
            '- The right answer is in `info["label"]`, and never in an observation. Episodes are not truncated.\n',
            "## Options\n",
            f"Keys of `task` in a config, and arguments of `gym.make`. {plain(_summary(model))}\n",
            options_page(model, model(name=name).model_dump(), link_of_part),
            "## Versions\n",
            f"- `{entry.id.rpartition('-')[2]}`: {_version(version)}\n",
        ]
    )


def space_table(space: spaces.Space[Any]) -> str:
    """Return a table of a space: for a `Dict` a row for each key."""
    inside = space.spaces.items() if isinstance(space, spaces.Dict) else [("", space)]
    rows = [[code(key) if key else "", *_space_cells(part)] for key, part in inside]
    return table(["key", "space", "shape", "type", "values"], rows)


def animation(env: gym.Env[Any, Any]) -> bytes:
    """Return an animated GIF of an episode with random actions, with at most 12 frames."""
    env.reset(seed=1)
    env.action_space.seed(2)
    frames, ended = [env.render()], False
    while not ended and len(frames) < _MOST_FRAMES:
        _, _, ended, _, _ = env.step(env.action_space.sample())
        frames.append(env.render())
    pictures = [_small(frame) for frame in _without_margins(np.asarray(frames))]
    file = io.BytesIO()
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=900, loop=0, optimize=True)
    return file.getvalue()


def _without_margins(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut off what has one colour in all frames (n, height, width, 3), but for a small margin."""
    drawn = (frames != frames[0, -1, -1]).any((0, 3))
    rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    top, left = max(0, rows[0] - _MARGIN), max(0, columns[0] - _MARGIN)
    return frames[:, top : rows[-1] + _MARGIN, left : columns[-1] + _MARGIN]


def _small(frame: NDArray[np.uint8]) -> Image.Image:
    picture = Image.fromarray(frame)
    if 2 * picture.width <= _MOST_WIDTH:  # Letters would be small.
        picture = picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.LANCZOS)
    if picture.width > _MOST_WIDTH:
        height = round(picture.height * _MOST_WIDTH / picture.width)
        picture = picture.resize((_MOST_WIDTH, height))
    return picture.quantize(_COLOURS, dither=Image.Dither.NONE)


def _make(name: str, entry: EnvironmentEntry, data: Path) -> gym.Env[Any, Any]:
    """Make the environment with data that are here."""
    defaults = resolve_name(entry.options)(name=name)
    chosen = stand_in_options(defaults, data)
    return gym.make(entry.id, render_mode="rgb_array", disable_env_checker=True, **chosen)


def _facts(name: str, entry: EnvironmentEntry) -> str:
    agents = [agent for agent, other in AGENTS.items() if entry.kind in other.kinds]
    configs = configs_of("task", name)
    lines = [
        f"- **In a config:** `task: {{name: {name}}}`; kind `{entry.kind}`, family `{entry.family}`",
        f"- **Agents:** {', '.join(f'[`{agent}`](/agents/{agent}.md)' for agent in agents)}",
    ]
    if configs:
        lines.append(f"- **Configs:** {', '.join(map(code, configs))}")
    results = result_links(configs)
    if results:
        lines.append(f"- **Results:** {results}")
    return "\n".join(lines) + "\n"


def _space_cells(space: spaces.Space[Any]) -> Iterator[str]:
    """Yield the cells of a space: its class, shape, type and values."""
    yield f"`{type(space).__name__}`"
    yield code(tuple(space.shape)) if space.shape is not None else ""
    yield code(space.dtype) if space.dtype is not None else ""
    match space:
        case spaces.Box():
            yield f"{_number(space.low.min())} to {_number(space.high.max())}"
        case spaces.Discrete():
            yield f"{space.start} to {space.start + space.n - 1}"
        case spaces.MultiDiscrete():
            yield f"0 to {int(space.nvec.max()) - 1}"
        case spaces.MultiBinary():
            yield "0, 1"
        case _:
            yield plain(str(space))


def _number(value: Any) -> str:
    return f"{float(value):g}"


def _version(text: str) -> str:
    """Return what a docstring says of its version, such as "Version 1: ..."."""
    said = text.strip().partition(" ")[2].partition(" ")[2]
    return plain(said) if said else "the first version."


def _first_line(entry: EnvironmentEntry) -> str:
    return labelled_parts(resolve_name(entry.environment))[0].partition("\n\n")[0]


def _summary(model: Any) -> str:
    return str(model.__doc__ or "").partition("\n\n")[0]

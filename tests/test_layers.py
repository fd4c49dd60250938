"""The import direction of the three folders, read from the code without running it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import glimpse
import glimpse.agents
import glimpse.envs

_FOLDERS = {module.__name__: Path(module.__path__[0]) for module in (glimpse, glimpse.envs, glimpse.agents)}


def _imports(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each module that a file of a folder imports, wherever in the file, by its whole name."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative imports hide where a name comes from"
                yield from ((path, f"{node.module}.{alias.name}") for alias in node.names)


def _importers(name: str) -> list[str]:
    """The files that import a package."""
    return sorted({p.name for f in _FOLDERS.values() for p, to in _imports(f) if to.split(".")[0] == name})


def test_world_and_mind_know_neither_each_other_nor_the_experiment() -> None:
    """Of glimpse, a file of envs/ imports envs/ alone, and a file of agents/ agents/ alone."""
    for name in ("glimpse.envs", "glimpse.agents"):
        imports = list(_imports(_FOLDERS[name]))
        assert len(imports) > 20
        assert [i for i in imports if i[1].startswith("glimpse") and not i[1].startswith(f"{name}.")] == []


def test_the_folders_are_imported_by_their_public_names() -> None:
    """`import envs` would find another distribution's package, or make a second copy of ours."""
    assert not _importers("envs") and not _importers("agents") and not _importers("configs")


def test_large_packages_stay_behind_one_door() -> None:
    """Of wandb one file, of Stable-Baselines3 at most two; torchvision where data are read."""
    assert len(_importers("wandb")) == 1
    assert len(_importers("stable_baselines3")) <= 2
    assert set(_importers("torchvision")) <= {"sources.py", "torchvision_images.py"}

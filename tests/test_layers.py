"""Tests of the import rules between folders, read from the code with `ast`, without running it."""

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import glimpse
import glimpse.agents
import glimpse.configs
import glimpse.envs

# The code is read once, in one of the processes that share the tests.
pytestmark = pytest.mark.xdist_group("layers")

_FOLDERS = {module.__name__: Path(module.__path__[0]) for module in (glimpse, glimpse.envs, glimpse.agents)}
_ROOM_ORDER = (
    {"cli"},
    {"reproduction", "benchmarks", "inference", "publishing"},
    {"sweeps"},
    {"reporting"},
    {"training"},
    {"evaluation"},
    {"runs"},
    {"config"},
    {"families"},
    {"agents", "envs", "errors", "zoo"},
)
"""Rooms (top-level packages) in order, from the top down: a room imports itself and rooms further down."""
_LEVELS = {room: level for level, rooms in enumerate(_ROOM_ORDER) for room in rooms}
_HEAVY = {
    "bm25s",
    "gymnasium",
    "huggingface_hub",
    "jieba",
    "matplotlib",
    "model2vec",
    "optuna",
    "pyarrow",
    "pypdf",
    "ray",
    "rich",
    "sacrebleu",
    "sb3_contrib",
    "sentence_transformers",
    "sklearn",
    "stable_baselines3",
    "tokenizers",
    "torch",
    "torchvision",
    "wandb",
}
"""Libraries that may be imported inside a function, so that `--help`, lists and config errors appear at once."""
_LATE_IMPORTERS = {
    "glimpse.cli": "a subcommand imports what it runs when it is run",
    "glimpse": "what is used in Python is imported when it is first used, since torch takes seconds to import",
    "glimpse.benchmarks.bench_environments": "one benchmark of several needs Stable-Baselines3's interface",
    "glimpse.reporting.translation.own_texts": "drawing is imported only where a picture is asked for",
}
"""Modules that may import a module of the project inside a function, each with its reason."""
_FAMILY_ROOMS = (
    "glimpse.evaluation.image_evaluator",
    "glimpse.evaluation.rationale_scores",
    "glimpse.evaluation.simultaneous_evaluator",
    "glimpse.evaluation.text_evaluator",
    "glimpse.evaluation.translation_evaluator",
    "glimpse.inference.image_graphs",
    "glimpse.inference.image_predictor",
    "glimpse.inference.text_graphs",
    "glimpse.inference.text_predictor",
    "glimpse.inference.translation_graphs",
    "glimpse.inference.translation_predictor",
    "glimpse.reporting.images",
    "glimpse.reporting.play",
    "glimpse.reporting.text",
    "glimpse.reporting.translation",
)
"""Modules of families, which may call `isinstance` with classes of their own environments and agents."""
_SHARED_NAMES = {"__init__", "__main__", "options", "errors", "entry_points"}
"""Module names that several folders share, with one meaning in all of them."""
_SHARED_FUNCTIONS = {
    "add": "adds a subcommand, in each file of cli/",
    "add_entry_points": "extends a registry; agents and envs do not import each other",
    "Options": "base class of options; agents and envs do not import each other",
}


class _Import(NamedTuple):
    """Target of one import statement, with the module that contains the statement."""

    importer: str
    target: str
    inside: str  # "function", "TYPE_CHECKING", or "" at the top of the module.


def _modules() -> dict[str, Path]:
    """Return the file of every module of the project, by the module's full name."""
    found = {}
    for package, folder in _FOLDERS.items():
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            if package == "glimpse" and parts[0] in ("envs", "agents", "configs"):
                continue  # In a wheel these folders lie inside glimpse/; they are counted under their own names.
            name = ".".join((package, *parts)).removesuffix(".__init__")
            found[name] = path
    return found


def _imports_in(name: str, path: Path) -> Iterator[_Import]:
    """Yield all imports of a module, including those inside functions."""

    def walk(node: ast.AST, inside: str) -> Iterator[_Import]:
        if isinstance(node, ast.FunctionDef):
            inside = "function"
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            inside = "TYPE_CHECKING"
        elif isinstance(node, ast.Import):
            yield from (_Import(name, alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where a name comes from"
            yield from (_Import(name, f"{node.module}.{alias.name}", inside) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inside)

    yield from walk(_tree(path), "")


@cache
def _tree(path: Path) -> ast.Module:
    """Return a module's code, which is read once for all tests."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _imports() -> list[_Import]:
    """Return all imports of the project, read when the first test asks, not by every process that collects tests."""
    return [found for name, path in _MODULES.items() for found in _imports_in(name, path)]


_MODULES = _modules()


def _module_of(target: str) -> str | None:
    """Return the project's module that an import's target is or belongs to; None for other distributions."""
    while target:
        if target in _MODULES:
            return target
        target = target.rpartition(".")[0]
    return None


def _room(module: str) -> str | None:
    """Return the top-level package of a module; None for glimpse/__init__.py and glimpse/__main__.py."""
    _, *rest = module.split(".")
    return rest[0] if rest and rest[0] != "__main__" else None


def _importers(package: str) -> set[str]:
    """Return the modules that import a package of another distribution."""
    return {found.importer for found in _imports() if found.target.split(".")[0] == package}


def test_rooms_import_downwards_only() -> None:
    """A module imports only its own room and rooms further down, wherever in the file the import stands."""
    upward = []
    for importer, target, _ in _imports():
        module = _module_of(target)
        source, goal = _room(importer), _room(module) if module else None
        if source is not None and goal is not None and source != goal and _LEVELS[goal] <= _LEVELS[source]:
            upward.append(f"{importer} imports {target}")
    assert len(_imports()) > 1000
    assert upward == []


def test_every_room_has_its_level() -> None:
    """Every room is listed in `_ROOM_ORDER`, so a new one must be given its level there."""
    assert {room for name in _MODULES if (room := _room(name))} - {"configs"} == set(_LEVELS)


def test_environments_and_agents_import_neither_each_other_nor_glimpse() -> None:
    """Modules in envs/ import from the project only envs/, and modules in agents/ only agents/."""
    for room in ("glimpse.envs", "glimpse.agents"):
        own = [found for found in _imports() if found.importer.startswith(room)]
        assert len(own) > 100
        ours = [found for found in own if found.target.startswith("glimpse")]
        assert [found for found in ours if not found.target.startswith(room)] == []


def test_text_modules_import_no_image_modules() -> None:
    """Environments and agents of text and translation import none of those of images."""
    rooms = {"glimpse.envs.text": "glimpse.envs.images", "glimpse.envs.translation": "glimpse.envs.images"}
    rooms |= {"glimpse.agents.text": "glimpse.agents.vision", "glimpse.agents.translation": "glimpse.agents.vision"}
    for room, other in rooms.items():
        crossing = [i for i in _imports() if i.importer.startswith(f"{room}.") and i.target.startswith(f"{other}.")]
        assert crossing == []


def test_imports_form_no_cycle() -> None:
    """Imports form no cycle, including those inside functions and those for type checkers."""
    graph: dict[str, set[str]] = {name: set() for name in _MODULES}
    for importer, target, _ in _imports():
        module = _module_of(target)
        if module is not None and module != importer:
            graph[importer].add(module)
    assert len(list(TopologicalSorter(graph).static_order())) == len(_MODULES)  # Raises CycleError.


def test_imports_inside_functions_are_of_heavy_libraries() -> None:
    """An import inside a function is of a heavy library, in cli/, or in a module of `_LATE_IMPORTERS`."""
    late = set()
    for importer, target, inside in _imports():
        if not inside or target.split(".")[0] in _HEAVY:
            continue
        if importer not in _LATE_IMPORTERS and not importer.startswith("glimpse.cli."):
            late.add(f"{importer}: {target} ({inside})")
    assert late == set()


def test_every_listed_late_importer_still_imports_late() -> None:
    """Every module in `_LATE_IMPORTERS` still imports a module of the project inside a function."""
    late = {found.importer for found in _imports() if found.inside == "function" and found.target.startswith("glimpse")}
    assert [name for name in _LATE_IMPORTERS if not any(module.startswith(name) for module in late)] == []


def test_few_modules_at_the_top() -> None:
    """At most five modules lie directly in glimpse/; all others are in a room."""
    assert len(list(_FOLDERS["glimpse"].glob("*.py"))) <= 5


def test_a_file_name_has_one_meaning() -> None:
    """No two modules share a file name, except those that mean the same in every folder."""
    paths = defaultdict(list)
    for path in _MODULES.values():
        paths[path.stem].append(path)
    assert {name: found for name, found in paths.items() if len(found) > 1 and name not in _SHARED_NAMES} == {}


def test_a_public_name_has_one_meaning() -> None:
    """No two modules define a public function or class of one name, except those in `_SHARED_FUNCTIONS`."""
    found = defaultdict(list)
    for module, path in _MODULES.items():
        for node in _tree(path).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(module)
    twice = {name: modules for name, modules in found.items() if len(modules) > 1}
    assert twice.keys() == _SHARED_FUNCTIONS.keys()


def test_shipped_configs_have_different_names() -> None:
    """No two shipped configs share a file stem, because `glimpse train NAME` finds a config by it."""
    files = sorted(Path(glimpse.configs.__path__[0]).rglob("*.yaml"))
    assert len({file.stem for file in files}) == len(files) > 80
    assert {len(file.relative_to(glimpse.configs.__path__[0]).parts) for file in files} == {2}


def test_every_folder_is_packaged() -> None:
    """Each folder with modules is a package that the wheel contains."""
    settings = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["tool"]
    folders = {name for name, path in _MODULES.items() if path.name == "__init__.py"} | {"glimpse.configs"}
    if "setuptools" in settings:  # Tests of the wheel have no build settings: what they import is packaged.
        assert folders == set(settings["setuptools"]["packages"])
    for package, folder in _FOLDERS.items():
        for path in folder.rglob("*.py"):
            assert (path.parent / "__init__.py").is_file(), f"{package}: {path.parent} is no package"


def test_folders_are_imported_by_their_public_names() -> None:
    """No module imports `envs`, `agents` or `configs` directly: that could load another package or a second copy."""
    assert not _importers("envs") | _importers("agents") | _importers("configs")


def test_large_packages_are_imported_in_few_files() -> None:
    """One file imports wandb, at most two Stable-Baselines3, and only readers of data and of weights torchvision."""
    assert len(_importers("wandb")) == 1
    assert len(_importers("stable_baselines3")) <= 2
    readers = {"glimpse.envs.data.sources", "glimpse.envs.images.torchvision_images"}
    assert _importers("torchvision") <= readers | {"glimpse.agents.vision.pretrained_encoder"}


def test_isinstance_on_our_classes_is_used_only_by_families() -> None:
    """Outside a family's own modules, nothing in glimpse/ calls `isinstance` with a class of the project."""
    ours = {node.name for path in _MODULES.values() for node in ast.walk(_tree(path)) if isinstance(node, ast.ClassDef)}
    asked = []
    for module, path in _MODULES.items():
        if module.startswith(("glimpse.envs", "glimpse.agents", *_FAMILY_ROOMS)):
            continue
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
                names = {ast.unparse(part).rpartition(".")[2] for part in ast.walk(node.args[1]) if _is_name(part)}
                if names & ours:
                    asked.append(f"{module}: {ast.unparse(node)}")
    assert asked == []


def _is_name(node: ast.AST) -> bool:
    """Return True for a name or an attribute."""
    return isinstance(node, ast.Name | ast.Attribute)

"""Parts of the agents' pages that are made from the registry: what they fit, options, configs and results."""

from pathlib import Path
from pkgutil import resolve_name

from docs.generator.markdown_text import code, plain, table
from docs.generator.option_tables import options_page
from docs.generator.page_links import ENCODERS, POOLINGS, Models, link_of_part
from docs.generator.registry_facts import configs_of, easiest, result_rows
from docs.generator.written_pages import complete_page
from glimpse.agents import AGENTS, AgentEntry
from glimpse.envs import ENVIRONMENTS


def complete_agent_pages(folder: Path, results: Path) -> None:
    """Complete the page of each agent of the registry, and write the table of all.

    Args:
        folder: folder of the written pages.
        results: folder of the result tables.
    """
    rows = []
    for name, entry in AGENTS.items():
        complete_page(folder, name, plain(entry.summary), agent_facts(name, entry, results))
        rows.append([f"[{code(name)}]({name}.md)", plain(entry.summary)])
    (folder / "agents.txt").write_text(table(["`agent.name`", "what it is"], rows), encoding="utf-8")
    parts = [options_of_parts("Encoders", ENCODERS), options_of_parts("Poolings", POOLINGS)]
    complete_page(folder, "encoders", "", "\n".join(parts))


def agent_facts(name: str, entry: AgentEntry, results: Path) -> str:
    """Return the sections on an agent's config, options and results."""
    fits = [task for task, other in ENVIRONMENTS.items() if other.kind in entry.kinds]
    configs = configs_of("agent", name)
    lines = [
        "## Config\n",
        f"- **In a config:** `agent: {{name: {name}}}`",
        f"- **Environments:** {', '.join(f'[`{task}`](/environments/{task}.md)' for task in fits)}",
    ]
    if entry.task:
        needed = ", ".join(code(f"task.{key}={value}") for key, value in entry.task.items())
        lines.append(f"- **Needs:** {needed}")
    if configs:
        lines.append(f"- **Configs:** {', '.join(map(code, configs))}")
        lines.append(f"\n```sh\nglimpse train {easiest(configs)}\n```")
    model = resolve_name(entry.options)
    default = {"name": name} if "name" in model.model_fields else {}
    lines += ["\n## Options\n", "Keys of `agent` in a config.\n", options_page(model, default, link_of_part)]
    found = result_rows(configs, results)
    if found:
        lines += ["## Results\n", found]
    return "\n".join(lines)


def options_of_parts(title: str, models: Models) -> str:
    """Return a section with the options of each kind of a part."""
    lines = [f"## {title}\n"]
    for model in models.values():
        kind = model.model_fields["kind"]
        lines += [f"### {code(kind.default)}\n", plain(model.__doc__ or "") + "\n"]
        lines.append(options_page(model, {}, link_of_part, level=4))
    return "\n".join(lines)

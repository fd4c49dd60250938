"""Local paths taken out of a config, so that what is sent elsewhere names files and not the folders they are in."""

import re
from typing import Any

import yaml

from glimpse.config.strict_yaml import parse_yaml

_PATH = re.compile(r"(?P<kind>[a-z]{2,}:(?!//))?(?P<folders>.*[\\/])(?P<name>[^\\/]*)", re.DOTALL)


def without_folders(value: Any) -> Any:
    """Return plain data in which each path is replaced by its last name, as in `reviews.csv` or `file:glove.txt`."""
    if isinstance(value, str):
        found = _PATH.fullmatch(value.rstrip("/\\"))
        return f"{found['kind'] or ''}{found['name']}" if found else value
    if isinstance(value, dict):
        return {key: without_folders(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_folders(one) for one in value]
    return value


def config_without_folders(text: str) -> str:
    """Return a config as YAML with the paths in it replaced by their last names, unchanged where it has none."""
    data, _ = parse_yaml(text)
    shared = without_folders(data)
    if shared == data or not isinstance(data, dict):
        return text
    comments = [line for line in text.splitlines() if line.startswith("#")]
    return "\n".join([*comments, yaml.safe_dump(shared, sort_keys=False, allow_unicode=True)])

"""Labelled parts of docstrings, such as the observation and the reward of an environment."""

import inspect
import re

_LABEL = re.compile(r"^(Observation|Action|Reward|Start|End): ")
_INNER = re.compile(r"(?<=\.) (End): ")


def labelled_parts(documented: object) -> tuple[str, dict[str, str]]:
    """Divide a docstring into its description and its labelled parts.

    A part begins in a line such as `Reward: 1 for a right answer` and ends before the next label or an empty line.
    `Start: ... End: ...` in one line are two parts.

    Returns:
        The paragraphs without a label, and the parts by their labels.
    """
    description, parts, label = [], {}, ""
    for line in [*(inspect.getdoc(documented) or "").splitlines(), ""]:
        found = _LABEL.match(line)
        if found:
            label = found[1]
            parts[label] = line[found.end() :]
        elif label and line:
            parts[label] += f" {line.strip()}"
        else:
            label = ""
            description.append(line)
    for name, text in list(parts.items()):
        before, *rest = _INNER.split(text)
        if rest:
            parts[name], parts[rest[0]] = before, rest[1]
    return "\n".join(description).strip(), parts

"""Text of a card, as the README.md of a published run, with the head that the Hugging Face Hub reads."""

from glimpse.config.experiment import Experiment
from glimpse.families import family_of
from glimpse.publishing.model_card import CardFacts
from glimpse.runs.results import markdown_table


def card_text(facts: CardFacts, experiment: Experiment, source: str, size: int) -> str:
    """Write a card.

    Args:
        facts: its facts.
        experiment: config of the published run.
        source: what `glimpse.load` loads it by.
        size: bytes of the published run, without the card.
    """
    sections = {
        "Use": _use(experiment, source),
        "Result": _result(facts),
        "Training": _training(facts),
        "Data": _data(facts),
        "Limits and biases": _limits(facts),
        "Files": _files(facts, size),
    }
    body = "\n".join(f"## {title}\n\n{text.strip()}\n" for title, text in sections.items())
    return f"{_head(experiment)}\n# {facts.name}\n\n{facts.agent} on {facts.task}.\n\n{body}"


def _shown(value: float) -> str:
    """Format a measure with four digits."""
    return f"{round(value, 4):.4g}"


def _head(experiment: Experiment) -> str:
    """Return the YAML that says what the hub's search finds it by."""
    tags = ["attention", "reinforcement-learning", experiment.task.name, experiment.agent.name]
    return "\n".join(["---", "library_name: glimpse-rl", "tags:", *(f"- {tag}" for tag in tags), "---", ""])


def _use(experiment: Experiment, source: str) -> str:
    """Show how the agent is loaded and used, in Python and on the command line."""
    takes = family_of(experiment.task.name).takes
    given = {"pictures": '"picture.png"', "texts": '"a text of yours"'}.get(takes)
    if given is None:
        use, told = "episode = glimpse.rollout(agent, glimpse.make_env(agent), 0)", f"glimpse report {source}"
    else:
        use, told = f"seen = agent.predict({given})", f"glimpse predict {source} {given.strip(chr(34)).split(' ')[0]}"
        told = f"glimpse predict {source} {given if takes == 'texts' else given.strip(chr(34))}"
    return f"""```python
import glimpse

agent = glimpse.load("{source}")
{use}
```

```sh
{told}
glimpse evaluate {source}
```
"""


def _result(facts: CardFacts) -> str:
    """Return the main measure with its interval, further measures, controls, and the other seeds."""
    one = facts.measure
    of = f" ({facts.examples:,} examples)" if facts.examples else ""
    lines = [
        f"Test set{of}: **{one.name}: {_shown(one.value)}** (95 % interval {_shown(one.low)} to {_shown(one.high)})."
    ]
    if facts.measured_as_float is not None:
        lines.append(
            f"The weights are rounded to half precision, and this is their result; before it was "
            f"{_shown(facts.measured_as_float)}."
        )
    rows = [[name.replace("_", " "), _shown(value)] for name, value in facts.measures.items()]
    parts = [" ".join(lines), markdown_table(["measure", "test"], rows)]
    if facts.controls:
        controls = [[name, f"{error:.2f}"] for name, error in facts.controls.items()]
        parts.append("The same weights, looking where a control decides:")
        parts.append(markdown_table(["locations", "error, %"], controls))
    return "\n\n".join(parts)


def _training(facts: CardFacts) -> str:
    """Return the command, the device and the seeds."""
    text = f"""```sh
{facts.command}
```

{facts.minutes} minutes on {facts.trained_on}; the weights are those of update {facts.step:,}, best on validation data.
"""
    if len(facts.seeds) == 1:
        return text + f"One seed was trained ({facts.seeds[0].seed}).\n"
    rows = [
        [str(one.seed), _shown(one.validation_error), "" if one.value is None else _shown(one.value)]
        for one in facts.seeds
    ]
    chosen = min(facts.seeds, key=lambda one: one.validation_error).seed
    told = f"\n{len(facts.seeds)} seeds were trained; seed {chosen} was best on validation data.\n\n"
    return text + told + markdown_table(["seed", "validation error", f"test {facts.measure.name}"], rows)


def _data(facts: CardFacts) -> str:
    """Return name, licence and notes of the data."""
    data = facts.data
    note = f" {data.note[0].upper()}{data.note[1:]}." if data.note else ""
    return f"{data.name}. Licence: {data.licence}.{note}\n"


def _limits(facts: CardFacts) -> str:
    """List weak points, and what the data bring with them."""
    told = [*facts.limits, *([facts.data.cautions] if facts.data.cautions else [])]
    told.append("It was measured on data like those that it was trained on; on others, measure it yourself.")
    return "\n".join(f"- {line}" for line in told)


def _files(facts: CardFacts, size: int) -> str:
    """Return the number of weights and the size."""
    precision = "half" if facts.half else "single"
    return (
        f"{facts.parameters:,} numbers in {precision} precision, {size / 1e6:.2f} MB in all: weights (safetensors), "
        f"config, what the numbers mean, and the evaluation. Written by glimpse {facts.version}.\n"
    )

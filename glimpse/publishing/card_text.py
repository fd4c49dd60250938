"""Text of a card, as the README.md of a published run, with the head that the Hugging Face Hub reads."""

from glimpse.config.experiment import Experiment
from glimpse.envs.data.registry import DATA_SETS
from glimpse.families import inputs_taken
from glimpse.publishing.model_card import CardFacts
from glimpse.runs.results import markdown_table
from glimpse.runs.stored_weights import PRECISION_OF_BITS

_USES = {
    "pictures": ('seen = agent.predict("picture.png")', "predict {source} picture.png"),
    "texts": ('read = agent.predict("a text of yours")', 'predict {source} "a text of yours"'),
    "pairs": (
        'read = agent.predict(("a text of yours", "and another one"))',
        "predict {source} pairs.csv --column first --column2 second",
    ),
    "questions": (
        'found = agent.predict("a question of yours", documents="papers")',
        'predict {source} --documents papers "a question of yours"',
    ),
    "": ("episode = glimpse.rollout(agent, glimpse.make_env(agent), 0)", "report {source}"),
}
"""How an agent is used in Python and on the command line, by what it takes."""


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
    inputs = inputs_taken(experiment.task.name)
    use, told = _USES["pairs" if inputs == "texts" and _reads_pairs(experiment) else inputs]
    return f"""```python
import glimpse

agent = glimpse.load("{source}")
{use}
```

```sh
glimpse {told.format(source=source)}
glimpse evaluate {source}
```
"""


def _reads_pairs(experiment: Experiment) -> bool:
    """Return whether an example is two texts."""
    known = DATA_SETS.get(str(getattr(experiment.task, "data", "")))
    return getattr(known, "example", "") == "pair" or getattr(experiment.task, "text2", None) is not None


def _result(facts: CardFacts) -> str:
    """Return the main measure with its interval, further measures, controls, and the other seeds."""
    one = facts.measure
    of = f" ({facts.examples:,} examples)" if facts.examples else ""
    lines = [
        f"Test set{of}: **{one.name}: {_shown(one.value)}** (95 % interval {_shown(one.low)} to {_shown(one.high)})."
    ]
    if facts.measured_as_float is not None:
        lines.append(
            f"The weights are rounded ({PRECISION_OF_BITS[facts.bits]}), and this is their result; before it was "
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
    rows = [[str(one.seed), _shown(one.validation_error), _shown(one.value)] for one in facts.seeds]
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
    return (
        f"{facts.parameters:,} parameters ({PRECISION_OF_BITS[facts.bits]}), {size / 1e6:.2f} MB in all: weights "
        "(safetensors), config, what the numbers mean, and the evaluation. Written by glimpse "
        f"{facts.version}.\n"
    )

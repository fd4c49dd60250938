"""Minds: recurrent attention, policy gradients and controls.

`AGENTS` names every agent. Adding one: a file with its module, its options in `options.py`, a line here, a config.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Agent:
    """A named agent: where its factory lives, what its options are, and one line that says what it is."""

    factory: str
    options: str
    summary: str


AGENTS: dict[str, Agent] = {
    "ram": Agent(
        "glimpse.agents.ram:make_ram",
        "glimpse.agents.options:RamOptions",
        "Recurrent attention model: learns where to look by policy gradient (Mnih et al., 2014)",
    ),
    "path": Agent(
        "glimpse.agents.controls:make_path",
        "glimpse.agents.options:PathOptions",
        "Control: one learned path for all images",
    ),
    "random": Agent(
        "glimpse.agents.controls:make_random",
        "glimpse.agents.options:RandomOptions",
        "Control: uniformly random places",
    ),
    "centre": Agent(
        "glimpse.agents.controls:make_centre",
        "glimpse.agents.options:CentreOptions",
        "Control: always the centre",
    ),
    "raster": Agent(
        "glimpse.agents.controls:make_raster",
        "glimpse.agents.options:RasterOptions",
        "Control: a fixed scan, row by row",
    ),
}

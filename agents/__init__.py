"""Minds: recurrent attention, policy gradients and controls.

`AGENTS` names every agent. Adding one: a file with its module, its options in `options.py`, a line here, a config.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class NamedAgent:
    """Where an agent's factory lives, what its options are, one line on what it is, and the kinds of world it fits."""

    factory: str
    options: str
    summary: str
    kinds: tuple[str, ...] = ("classification",)


AGENTS: dict[str, NamedAgent] = {
    "ram": NamedAgent(
        "glimpse.agents.ram:make_ram",
        "glimpse.agents.options:RamOptions",
        "Recurrent attention model: learns where to look by policy gradient (Mnih et al., 2014)",
    ),
    "path": NamedAgent(
        "glimpse.agents.controls:make_path",
        "glimpse.agents.options:PathOptions",
        "Control: one learned path for all images",
    ),
    "random": NamedAgent(
        "glimpse.agents.controls:make_random",
        "glimpse.agents.options:RandomOptions",
        "Control: uniformly random places",
    ),
    "centre": NamedAgent(
        "glimpse.agents.controls:make_centre",
        "glimpse.agents.options:CentreOptions",
        "Control: always the centre",
    ),
    "raster": NamedAgent(
        "glimpse.agents.controls:make_raster",
        "glimpse.agents.options:RasterOptions",
        "Control: a fixed scan, row by row",
    ),
    "player": NamedAgent(
        "glimpse.agents.player:make_player",
        "glimpse.agents.options:PlayerOptions",
        "Recurrent attention that looks and moves, by REINFORCE or PPO; its controls by `eyes`",
        kinds=("catch",),
    ),
}

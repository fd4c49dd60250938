"""Zoo of trained agents: a folder each, with its weights, its config, what its numbers mean, and a card.

`glimpse zoo` lists them, and `glimpse.load(NAME)` loads one. `glimpse publish RUN glimpse/zoo/NAME --half` adds one.
"""

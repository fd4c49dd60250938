"""Options of predictions."""

from pydantic import Field

from glimpse.agents.options import Options


class PredictOptions(Options):
    """How an agent acts on the user's own inputs."""

    greedy: bool = Field(True, description="The most likely actions; otherwise sampled ones.")
    rollouts: int = Field(1, ge=1, le=10_000, description="Sampled rollouts M whose probabilities are averaged.")
    batch: int = Field(100, ge=1, le=100_000, description="Inputs that are answered at once.")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of initial locations, canvases and sampled actions.")
    n_best: int = Field(1, ge=1, le=1000, description="Translations of each sentence.")

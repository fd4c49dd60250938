"""Options of predictions."""

from pydantic import Field

from glimpse.agents.options import Options


class PredictOptions(Options):
    """How an agent acts on the user's own inputs."""

    greedy: bool = Field(True, description="The most likely actions; otherwise sampled ones.")
    rollouts: int = Field(1, ge=1, le=10_000, description="Sampled rollouts M whose probabilities are averaged.")
    batch: int = Field(100, ge=1, le=100_000, description="Inputs that are answered at once.")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of initial locations, canvases and sampled actions.")
    budget: int | None = Field(None, ge=1, le=1000, description="Looks after which a picture is answered, at most.")
    threshold: float | None = Field(
        None,
        ge=0,
        le=1e6,
        description="Look on only while the looks to come are worth at least so much, in nats of cross-entropy, as an "
        "anytime agent predicts.",
    )
    n_best: int = Field(1, ge=1, le=1000, description="Translations of each sentence.")

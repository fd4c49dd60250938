"""Options of agents that search documents for evidence; pydantic only, as `glimpse.agents.options`."""

from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from glimpse.agents.options import Options, ReinforceOptions, option_error
from glimpse.agents.recurrent_core_names import StepCoreName


class ImitationOptions(Options):
    """Options of a warm start in which the policy imitates a teacher."""

    of: Literal["evidence", "ranker"] = Field(
        "evidence",
        description="The teacher: marked evidence, and answering once a group of it is complete; or the ranker, whose "
        "first candidate is opened as long as one may be.",
    )
    until: float = Field(
        0.0, ge=0, le=1, description="Share of training in which the policy imitates instead of being reinforced."
    )


class EvidenceReaderOptions(ReinforceOptions):
    """Options of an agent that opens sentences of documents, one at a time, and answers."""

    name: Literal["evidence-reader"] = "evidence-reader"
    opens: Literal["learned", "first", "random", "none", "soft"] = Field(
        "learned",
        description="What is opened: what a learned policy chooses; or a control: the ranker's first candidates, as "
        "many as the task allows; random ones; none; or none, with soft attention to the words of all candidates "
        "that are shown.",
    )
    recurrent_core: StepCoreName = Field("gru", description="Memory of the question and of what was opened.")
    feature_width: int = Field(128, ge=1, le=65_536, description="Units of the feature of an opened sentence.")
    memory_width: int = Field(128, ge=1, le=65_536, description="Units D of the recurrent core.")
    sentence_width: int = Field(
        64, ge=1, le=65_536, description="Units of each direction of the GRU that reads question and opened sentences."
    )
    copy_words: bool = Field(
        False,
        description="Whether words of opened sentences also reach the answer directly, each through a gate that "
        "question and memory set: for answers that are words of the text.",
    )
    score: Literal["dot", "scaled_dot", "general", "concat"] = Field(
        "scaled_dot", description="Attention's score of a query and a candidate, which is the candidate's logit."
    )
    attention_width: int = Field(64, ge=1, le=65_536, description="Width of the query and of candidates.")
    matching_heads: int = Field(
        4, ge=1, le=1024, description="Heads H by which words of candidates are matched with the question's."
    )
    ranker_prior: float = Field(
        0.0,
        ge=0,
        le=100,
        description="How much the policy begins by preferring what the ranker prefers: the weight of the ranker's "
        "standardised score in a candidate's score. It is learned on.",
    )
    sigma: float = Field(
        0.05, gt=0, le=2, description="Standard deviation of each number of a query, which has length 1."
    )
    imitation: ImitationOptions = Field(ImitationOptions(), description="Warm start of the policy.")
    update: Literal["reinforce", "ppo"] = Field("reinforce", description="One update by REINFORCE, or several by PPO.")
    epochs: int = Field(4, ge=1, le=1000, description="With PPO: updates from the same episodes.")
    clip_ratio: float = Field(0.2, gt=0, le=10, description="With PPO: range to which the ratio is clipped.")
    entropy: float = Field(0.01, ge=0, le=1e6, description="Weight of the entropy of what is opened.")
    answer_weight: float = Field(1.0, ge=0, le=1e6, description="Weight of the answers' cross-entropy.")
    embedding_width: int = Field(50, ge=1, le=65_536, description="Width of word vectors where the task gives none.")
    embedding: Literal["trained", "frozen"] = Field(
        "trained", description="Whether pre-trained word vectors are trained on."
    )
    embedding_lr_scale: float = Field(1.0, gt=0, le=1e6, description="Multiple of the learning rate, for word vectors.")
    dropout: float = Field(
        0.0, ge=0, lt=1, description="Dropout of word vectors and encoded sentences, for the cross-entropy alone."
    )

    @property
    def title(self) -> str:
        """The agent's name, followed by what it opens where that is not learned."""
        return self.name if self.opens == "learned" else f"{self.name} ({self.opens})"

    @field_validator("update")
    @classmethod
    def _ppo_has_no_greedy_rollouts(cls, update: str, others: Any) -> str:
        if update == "ppo" and others.data.get("baseline") == "self_critical":
            raise PydanticCustomError("update", "should be 'reinforce' because agent.baseline is 'self_critical'")
        return update

    def check_task(self, task: Any) -> None:
        """Check that what is opened fits how the task points at sentences, and what it rewards."""
        super().check_task(task)
        if self.opens != "learned" and (task.reward != "answer" or self.imitation.until > 0):
            problem = f"{self.opens!r} learns from answers alone: use task.reward=answer agent.imitation.until=0"
            raise option_error("opens", problem)
        if task.point == "query" and self.opens not in ("learned", "none"):
            problem = f"should be 'learned' or 'none' because task.point is 'query' (got {self.opens!r})"
            raise option_error("opens", problem)

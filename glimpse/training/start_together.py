"""Start of a training that ranks share: all have the leader's weights, optimiser and budget."""

from glimpse.training.budget import Budget
from glimpse.training.learner import Learner
from glimpse.training.ranks import Ranks, SharedBudget


def start_together(learner: Learner, ranks: Ranks, minutes: float | None, own: Budget | None = None) -> None:
    """Give every rank's learner the leader's state; all ranks call this once, before their first step.

    Args:
        learner: this rank's.
        ranks: the ranks; nothing is exchanged if there is one.
        minutes: of a budget of time, which the leader's clock decides for all; None for a budget of updates.
        own: the leader's budget of time.

    Raises:
        UserError: if the learner cannot share its updates.
        LostRankError: if another rank has ended.
    """
    learner.join(ranks)
    if ranks.size == 1:
        return
    state = {"weights": learner.averaged.state_dict(), "learner": learner.state()} if ranks.leads else None
    given = ranks.state(state, learner.device)
    if not ranks.leads:
        learner.restore(given["weights"], given["learner"])
    if minutes is not None:
        learner.budget = SharedBudget(ranks, 60 * minutes, own)
        learner.budget.progress(learner.step)

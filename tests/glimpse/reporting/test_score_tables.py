"""Tables of scores: a column for each way of acting, and no two of one name."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from glimpse.evaluation.class_measures import ScoreMeasures
from glimpse.evaluation.scores import Scores
from glimpse.evaluation.split_score import Score
from glimpse.reporting.html_parts import Cell, NumberTable, Row, RowGroup, number_table
from glimpse.reporting.run_record import Evaluation, RunRecord
from glimpse.reporting.score_tables import Wording, score_table

WORDING = Wording("images", "the mean location", "locations", "Glimpses")
GREEDY, SAMPLED, AVERAGED = (Score(error, error - 1, error + 1, 100, [error]) for error in (30.0, 40.0, 20.0))
SCORES = Scores(GREEDY, SAMPLED, AVERAGED, copies=10, glimpses=5.5)


def record(stochastic: bool) -> RunRecord:
    """Return a run of which only the agent and the step are known."""
    trained = SimpleNamespace(agent=SimpleNamespace(stochastic=stochastic), step=7)
    return cast(RunRecord, SimpleNamespace(trained=trained))


def test_a_sampling_agent_has_a_column_for_each_way() -> None:
    """Greedy, M = 1 and M = 10 stand beside their numbers; controls are in a group of their own."""
    measured = Evaluation("test", 7, {"ram": SCORES, "random locations": SCORES})
    table = score_table(measured, record(True), WORDING)
    assert table.title == "Test error, %" and table.heads == ["Greedy", "M = 1", "M = 10", "Glimpses, M = 1"]
    (own,), (control,) = (group.rows for group in table.groups)
    assert own == Row(
        "ram",
        [
            Cell("30.00", "29.00 to 31.00"),
            Cell("40.00", "39.00 to 41.00"),
            Cell("20.00", "19.00 to 21.00"),
            Cell("5.50"),
        ],
    )
    assert control.name == "random locations" and table.groups[1].heading == "Same weights, other locations"
    assert "M = 10: probabilities averaged over 10 of them." in table.caption and "Measured" not in table.caption


def test_of_a_single_copy_there_are_no_two_columns_of_m_1() -> None:
    """With M = 1 the mean is the single episode; without answers nothing is averaged."""
    single = {"ram": replace(SCORES, copies=1)}
    assert score_table(Evaluation("test", 7, single), record(True), WORDING).heads == [
        "Greedy",
        "M = 1",
        "Glimpses, M = 1",
    ]
    rewarded = score_table(Evaluation("test", 7, {"player": SCORES}), record(True), WORDING._replace(shows="episodes"))
    assert rewarded.heads == ["Greedy", "M = 1", "Glimpses, M = 1"] and rewarded.title == "Test failures, %"


def test_a_deterministic_agent_has_one_column() -> None:
    """It says that the agent samples nothing; older weights are named."""
    table = score_table(Evaluation("validation", 3, {"mlp": SCORES}), record(False), WORDING)
    assert table.heads == ["Error, %"] and table.groups[0].rows == [Row("mlp", [Cell("20.00", "19.00 to 21.00")])]
    assert "samples nothing" in table.caption and "Measured at step 3; the examples are of step 7." in table.caption


def test_predicted_scores_have_a_row_for_each_way() -> None:
    """Pearson's r has its interval: of r 0.9, 100 (1 - r) is 10."""
    score = Score(10.0, 8.0, 13.0, 100, [10.0], {"pearson": 0.9, "spearman": 0.8, "squared_error": 0.25})
    measured = Evaluation(
        "test", 7, {"ram": Scores(score, score, score, 4, 1.0)}, score_measures=ScoreMeasures(0.25, 0.4)
    )
    table = score_table(measured, record(True), WORDING)
    assert table.heads == ["Pearson's r", "Spearman's rho", "Mean squared error"]
    assert [row.name for row in table.groups[0].rows] == ["ram, greedy", "ram, M = 1", "ram, M = 4"]
    assert table.groups[0].rows[0].cells[0] == Cell("0.9000", "0.8700 to 0.9200")
    assert "Mean absolute error, M = 4: 0.4." in table.caption


def test_two_columns_of_one_name_are_refused() -> None:
    """A table never has them."""
    with pytest.raises(ValueError, match="two columns"):
        number_table(NumberTable("A", ["x", "x"], [RowGroup([Row("r", [Cell("1"), Cell("2")])])]))

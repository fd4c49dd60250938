"""Dropped words: how accounts, the terminal and the report show words that are not selected."""

import re
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import torch
from gymnasium import spaces
from rich.cells import cell_len

from glimpse.agents.text.options import RationaleOptions, ResanOptions
from glimpse.agents.text.rationale import Rationale
from glimpse.agents.text.resan import Resan
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.envs.text.whole_text import WholeText
from glimpse.reporting.text.accounts import Account, Text, account, read_text
from glimpse.reporting.text.text_sections import struck_words_note
from glimpse.reporting.text.text_terminal import plain_lines, print_account
from glimpse.reporting.text.token_drawings import pair_drawings, text_drawing
from glimpse.reporting.text.token_html import text_figure, token_line
from glimpse.runs.build import make_agent, make_split_env

READ = Text(("a", "good", "film"), np.zeros(3, np.bool_), (3,), np.array([0.1, 0.9, 0], np.float32))
CHOSEN = replace(READ, dropped=np.array([True, False, True]))


def test_dropped_words_are_struck_out_on_the_page() -> None:
    """Only dropped words are struck out."""
    page = token_line(CHOSEN, CHOSEN.weights)
    assert page.count("<s ") == page.count("</s>") == 2 and ">good</span>" in page
    assert "<s" not in token_line(READ, READ.weights).replace("<span", "")


def test_the_page_says_whether_a_selection_explains_the_answer() -> None:
    """Words that a rationale drops do not affect its answer; words that ReSAN does not select do."""
    assert struck_words_note(READ) == ""
    assert "from the others alone" in struck_words_note(CHOSEN)
    assert "does not explain the answer" in struck_words_note(replace(CHOSEN, silent=np.zeros(3, np.bool_)))


def test_dropped_words_are_between_tildes_in_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    """A line explains the tildes, with the share of dropped words."""
    assert next(iter(plain_lines(CHOSEN, 80))).split() == ["~a~", "good", "~film~"]
    print_account(Account(None, (CHOSEN,), np.array([0.3, 0.7], np.float32)), ("no", "yes"), None)
    assert "left out, 67 % of them" in capsys.readouterr().out


def test_columns_of_full_width_letters_are_aligned() -> None:
    """A Chinese character takes two columns of a terminal; joiners within emoji and letters are kept."""
    words = ("\u9152\u5e97\u5f88\u597d", "a", "\U0001f469\u200d\U0001f680", "\u0915\u094d\u200d\u0937")
    text = Text(words, np.zeros(4, np.bool_), (4,), np.array([0.1, 0.9, 0, 0], np.float32))
    shown, weights = plain_lines(text, 80)
    assert all(word in shown for word in words)
    assert cell_len(shown[: shown.index("a")]) == weights.index("0.900") == 9


def test_a_matrix_strikes_out_rows_and_columns_separately() -> None:
    """Words that are no heads are struck out as rows, words that are no dependents as columns."""
    pairs = {"forward": np.full((1, 3, 3), 0.5, np.float32)}
    text = replace(CHOSEN, pairs=pairs, silent=np.array([False, True, False]))
    ((drawing,),) = pair_drawings(text)
    names = re.findall(r'<text class="quiet small( struck)?"[^>]*>(a|good|film)<', drawing.body)
    assert names == [("", "a"), (" struck", "good"), ("", "film"), (" struck", "a"), ("", "good"), (" struck", "film")]
    assert text_drawing(text).body.count('class="struck"') == 2


@pytest.mark.parametrize("kind", ["rationale", "resan"])
def test_an_account_has_dropped_words(kind: str) -> None:
    """Dropped words are those outside the greedy selection, of kept words or of dependents."""
    torch.manual_seed(0)
    seen = spaces.Dict({"text": spaces.Box(0, 9, (6,), np.int64)})
    answer = spaces.Dict({"answer": spaces.Discrete(2)})
    agent = (
        Rationale(RationaleOptions(embedding_width=3), seen, answer)
        if kind == "rationale"
        else Resan(ResanOptions(embedding_width=3), seen, answer)
    ).eval()
    agent.set_progress(1.0)
    shown = {"text": torch.tensor([4, 5, 6, 7, 0, 0])}
    texts, _, _ = read_text(agent, shown, {"text": ["a", "b", "c", "d"]}, EvaluateOptions(precision="float32"))
    chosen = agent.words_read({"text": shown["text"][None]})["text"][0, :4]
    assert texts[0].dropped is not None and texts[0].dropped.tolist() == (~chosen).tolist()
    assert (texts[0].silent is None) == (kind == "rationale")


def test_words_of_the_human_rationale_are_underlined() -> None:
    """Dropped words are underlined too; the caption says how many words of the rationale were read."""
    both = replace(CHOSEN, human_rationale=np.array([False, True, True]))
    line = token_line(both, both.weights)
    assert (
        line.count('class="rationale"') == 2
        and ">good</span>" in line
        and re.search(r"<s [^>]*rationale[^>]*>film</s>", line)
    )
    page = text_figure(Account(None, (both,), np.array([0.3, 0.7], np.float32)), ("no", "yes"))
    assert "read 1 of 3 words, 1 of the 2 words of the human rationale among them" in page
    plain = text_figure(Account(None, (CHOSEN,), np.array([0.3, 0.7], np.float32)), ("no", "yes"))
    assert "rationale" not in plain
    one = replace(both, human_rationale=np.array([False, True, False]), rationale_name="known rationale")
    page = text_figure(Account(None, (one,), np.array([0.3, 0.7], np.float32)), ("no", "yes"))
    assert "read 1 of 3 words, the one word of the known rationale among them" in page


def test_an_account_has_the_human_rationale() -> None:
    """It is the environment's; in planted texts it is one word, which no people marked."""
    given = Experiment.model_validate(
        {
            "task": {"name": "text", "data": "planted", "vectors": "none"},
            "agent": {"name": "rationale", "embedding_width": 3, "encoder": {"kind": "gru", "width": 3}},
            "train": {"steps": 1},
        }
    )
    env = cast(WholeText, make_split_env(given, "validation", torch.device("cpu")))
    (text,) = account(cast(Rationale, make_agent(given, env).eval()), env, EvaluateOptions(), 7).texts
    marks = env.human_rationale(torch.tensor([7]))
    assert text.human_rationale is not None and marks is not None and text.human_rationale.tolist() == marks[0].tolist()
    assert text.words[int(text.human_rationale.argmax())].startswith("m") and text.rationale_name == "known rationale"

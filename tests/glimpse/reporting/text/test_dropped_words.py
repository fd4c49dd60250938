"""Words that were chosen to be left out: how an account, the terminal and the report show them."""

import re
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import torch
from gymnasium import spaces

from glimpse.agents.text.rationale import Rationale
from glimpse.agents.text.resan import Resan
from glimpse.agents.text_options import RationaleOptions, ResanOptions
from glimpse.config.experiment import EvaluateOptions, Experiment
from glimpse.envs.text.whole_text import Reading
from glimpse.reporting.text.accounts import Account, Text, account, read
from glimpse.reporting.text.text_sections import struck_mean
from glimpse.reporting.text.text_terminal import plain_lines, print_account
from glimpse.reporting.text.token_drawings import pair_drawings, text_drawing
from glimpse.reporting.text.token_html import reading, token_line
from glimpse.runs.build import make_agent, make_world

READ = Text(("a", "good", "film"), np.zeros(3, np.bool_), (3,), np.array([0.1, 0.9, 0], np.float32))
CHOSEN = replace(READ, dropped=np.array([True, False, True]))


def test_they_are_struck_out_on_the_page() -> None:
    """And only they."""
    page = token_line(CHOSEN, CHOSEN.weights)
    assert page.count("<s ") == page.count("</s>") == 2 and ">good</span>" in page
    assert "<s" not in token_line(READ, READ.weights).replace("<span", "")


def test_the_page_says_what_a_choice_explains() -> None:
    """What a rationale left out has no part in its answer; what ReSAN did not choose has."""
    assert struck_mean(READ) == ""
    assert "from the others alone" in struck_mean(CHOSEN)
    assert "does not explain it" in struck_mean(replace(CHOSEN, silent=np.zeros(3, np.bool_)))


def test_they_stand_between_tildes_without_colours(capsys: pytest.CaptureFixture[str]) -> None:
    """With a line that says so and how many they are."""
    assert next(iter(plain_lines(CHOSEN, 80))).split() == ["~a~", "good", "~film~"]
    print_account(Account(None, (CHOSEN,), np.array([0.3, 0.7], np.float32)), ("no", "yes"), None)
    assert "left out, 67 % of them" in capsys.readouterr().out


def test_a_matrix_strikes_out_rows_and_columns_apart() -> None:
    """A word that may not read as a row, one that is not read as a column."""
    pairs = {"forward": np.full((1, 3, 3), 0.5, np.float32)}
    text = replace(CHOSEN, pairs=pairs, silent=np.array([False, True, False]))
    ((drawing,),) = pair_drawings(text)
    names = re.findall(r'<text class="quiet small( struck)?"[^>]*>(a|good|film)<', drawing.body)
    assert names == [("", "a"), (" struck", "good"), ("", "film"), (" struck", "a"), ("", "good"), (" struck", "film")]
    assert text_drawing(text).body.count('class="struck"') == 2


@pytest.mark.parametrize("kind", ["rationale", "resan"])
def test_an_account_knows_what_was_left_out(kind: str) -> None:
    """By the likeliest choice: kept words, or dependents."""
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
    texts, _, _ = read(agent, shown, {"text": ["a", "b", "c", "d"]}, EvaluateOptions(precision="float32"))
    chosen = agent.reads({"text": shown["text"][None]})["text"][0, :4]
    assert texts[0].dropped is not None and texts[0].dropped.tolist() == (~chosen).tolist()
    assert (texts[0].silent is None) == (kind == "rationale")


def test_marked_words_are_underlined_beside_the_choice() -> None:
    """Those that were left out too; below stands how many of them were read."""
    both = replace(CHOSEN, marked=np.array([False, True, True]))
    line = token_line(both, both.weights)
    assert (
        line.count('class="marked"') == 2
        and ">good</span>" in line
        and re.search(r"<s [^>]*marked[^>]*>film</s>", line)
    )
    page = reading(Account(None, (both,), np.array([0.3, 0.7], np.float32)), ("no", "yes"))
    assert "read 1 of 3 words, among them 1 of 2 marked ones" in page
    plain = reading(Account(None, (CHOSEN,), np.array([0.3, 0.7], np.float32)), ("no", "yes"))
    assert "marked" not in plain


def test_an_account_knows_what_people_marked() -> None:
    """Of planted texts one word; the marks are the world's."""
    given = Experiment.model_validate(
        {
            "task": {"name": "text", "data": "planted", "vectors": "none"},
            "agent": {"name": "rationale", "embedding_width": 3, "encoder": {"kind": "gru", "width": 3}},
            "train": {"steps": 1},
        }
    )
    world = cast(Reading, make_world(given, "validation", torch.device("cpu")))
    (text,) = account(cast(Rationale, make_agent(given, world).eval()), world, EvaluateOptions(), 7).texts
    marks = world.marked(torch.tensor([7]))
    assert text.marked is not None and marks is not None and text.marked.tolist() == marks[0].tolist()
    assert text.words[int(text.marked.argmax())].startswith("m")

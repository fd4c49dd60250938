"""`glimpse evaluate RUN --text`: answers, printed weights, and errors."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from glimpse.cli.command_line import main
from glimpse.config.experiment import Experiment
from glimpse.config.files import dump_experiment
from glimpse.envs.text import whole_text
from glimpse.envs.text.text_data import TextData, load_text
from glimpse.reporting.text.accounts import account, reading_run
from glimpse.runs.run_folder import RunFolder
from glimpse.runs.trained_run import open_run

MakeRun = Callable[..., Path]
ESCAPE = "\x1b["
COLOURS = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": "80"}


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove settings of the terminal that runs the tests."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLORFGBG", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return a function that runs the command and returns its output."""

    def print_it(run: Path, text: str, *more: str) -> str:
        assert main(["evaluate", str(run), "--text", text, *more]) == 0
        return capsys.readouterr().out

    return print_it


Ask = Callable[..., str]


def test_a_text_of_the_data_gets_the_same_answer(make_run: MakeRun, ask: Ask) -> None:
    """Probabilities and weights equal those of the example in the split."""
    run = make_run()
    trained = open_run(run, "validation", "cpu", pytest.fail)
    agent, env = reading_run(trained)
    for number in range(env.examples):
        one = account(agent, env, trained.experiment.evaluate, number)
        out = ask(run, " ".join(one.texts[0].words))
        assert out.splitlines()[0] == f"answer {env.classes[one.answered]}, probability {one.belief[one.answered]:.3f}"
        for name, share in zip(env.classes, one.belief, strict=True):
            assert re.search(rf"^  {re.escape(name)} +{share:.3f}", out, re.MULTILINE)
        assert one.texts[0].weights is not None
        words, weights = out.splitlines()[5:7] if len(one.texts[0].words) < 4 else ("", "")
        if words:
            assert words.split() == list(one.texts[0].words)
            assert weights.split() == [f"{weight:.3f}" for weight in one.texts[0].weights]


def test_without_a_terminal_there_are_numbers_and_no_escape_codes(make_run: MakeRun, ask: Ask) -> None:
    """Lines fit the terminal; unknown words are in brackets; words are in lower case."""
    out = ask(make_run(), "A Good film, unheard of! " * 5)
    assert ESCAPE not in out
    assert "[unheard] [of]" in out and "[!]" in out and "in brackets" in out
    assert max(map(len, out.splitlines())) <= 80
    assert sum(map(float, re.findall(r"(?<=[ \n])0\.\d{3}(?=[ \n])", out.split("\n\n")[1]))) == pytest.approx(
        1, abs=0.02
    )


def test_a_terminal_gets_colours_unless_no_color_is_set(
    make_run: MakeRun, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Colours have 24 bits if the terminal supports them, else there are 256; with NO_COLOR there are none."""
    run = make_run()
    for name, value in COLOURS.items():
        monkeypatch.setenv(name, value)
    out = ask(run, "a good bad film")
    assert re.findall(r"48;2;(\d+;\d+;\d+)m(?:a|good|bad|film)\x1b", out) and "0.000" not in out
    assert re.sub(r"\x1b\[[\d;]*m", "", out).count("a good bad film") == 1
    monkeypatch.delenv("COLORTERM")
    assert re.search(r"48;5;\d+m(?:a|good|bad|film)\x1b", ask(run, "a good bad film"))
    monkeypatch.setenv("NO_COLOR", "1")
    assert ESCAPE not in ask(run, "a good bad film")


def test_the_largest_weight_has_the_strongest_background(
    make_run: MakeRun, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a light terminal the strongest background is the darkest, else the brightest."""
    run = make_run()
    numbers = re.findall(r"0\.\d{3}", ask(run, "a good bad film").split("\n\n")[1])
    strongest = max(range(4), key=lambda at: float(numbers[at]))
    for name, value in COLOURS.items():
        monkeypatch.setenv(name, value)
    for background, best in (("15;0", max), ("0;15", min)):
        monkeypatch.setenv("COLORFGBG", background)
        line = next(line for line in ask(run, "a good bad film").splitlines() if "48;2" in line)
        brightness = {
            word: sum(map(int, colour.split(";"))) for colour, word in re.findall(r"48;2;(\d+;\d+;\d+)m(\w+)\x1b", line)
        }
        assert best(brightness, key=lambda word: brightness[word]) == ["a", "good", "bad", "film"][strongest]


def test_documents_have_a_line_for_each_sentence(make_run: MakeRun, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of sentences sum to 1; a note says how many tokens are left out."""
    run = make_run({"kind": "hierarchical"}, sentences=True, max_sentences=3, max_words=3)
    text = "A good film. Bad! A film<br />so good. And more."
    out = ask(run, text)
    sentences = re.findall(r"^(0\.\d{3})  (\S.*)$", out, re.MULTILINE)
    assert [words.split() for _, words in sentences] == [["a", "good", "film"], ["bad", "[!]"], ["a", "film"]]
    assert sum(float(weight) for weight, _ in sentences) == pytest.approx(1, abs=0.002)
    assert "note: of --text the run reads 7 of 14 tokens" in out and "sqrt(sentence weight)" in out
    for name, value in COLOURS.items():
        monkeypatch.setenv(name, value)
    lines = re.sub(r"\x1b\[[\d;]*m", "", ask(run, text)).splitlines()
    assert [line[8:] for line in lines if re.match(r" 0\.\d\d ", line)] == ["a good film", "bad [!]", "a film"]


def test_hops_and_encoders_without_weights(make_run: MakeRun, ask: Ask) -> None:
    """The output says that weights are means over hops, or that there are none."""
    hops = {"kind": "lstm", "width": 3, "pooling": {"kind": "structured", "hops": 2, "hidden": 3}}
    assert "below each word: mean weight over hops" in ask(make_run(hops), "a good film")
    out = ask(make_run({"kind": "cnn", "filters": 2}, name="cnn"), "a good film")
    assert out.endswith("a good film\nthis encoder has no weights of tokens\n")


def test_pairs_and_scores(make_run: MakeRun, ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    """The score is in its range and both texts are printed; a single text is refused."""
    run = make_run(kind="scores")
    out = ask(run, "a good film", "--text2", "a bad film")
    (score,) = re.findall(r"^score (\S+), from 1 to 3$", out, re.MULTILINE)
    assert 1 <= float(score) <= 3
    assert out.index("text 1\na ") < out.index("text 2\na ")
    assert main(["evaluate", str(run), "--text", "a"]) == 2
    assert "give the second one with --text2" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "  \n ", "<br />"])
def test_a_text_without_words_is_a_mistake(make_run: MakeRun, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 2, and nothing is printed."""
    assert main(["evaluate", str(make_run()), "--text", text]) == 2
    shown = capsys.readouterr()
    assert "--text should be a text of one word or more" in shown.err and shown.out == ""


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--text", "a", "--text2", "b"], "leave --text2 out"),
        (["--text2", "b"], "--text2 needs --text"),
        (["--text", "a", "--split", "test"], "takes no --split"),
        (["--text", "a", "--copies", "2"], "takes no --copies"),
        (["--text", "a", "--batch", "2"], "takes no --batch"),
        (["--text", "a", "--keep-rate", "0.2"], "takes no --keep-rate"),
        (["--keep-rate", "1.5"], "a fraction above 0 and up to 1"),
        (["--keep-rate", "0.0"], "a fraction above 0 and up to 1"),
    ],
)
def test_incompatible_options_are_refused(
    make_run: MakeRun, words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 2, and the error names the option."""
    assert main(["evaluate", str(make_run()), *words]) == 2
    assert problem in capsys.readouterr().err


def test_a_run_on_images_reads_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run on images and a folder without a run are refused."""
    sections: dict[str, Any] = {"task": {"name": "digits"}, "agent": {"name": "ram"}, "train": {"steps": 1}}
    run = RunFolder.create(tmp_path / "run", dump_experiment(Experiment.model_validate(sections))).path
    assert main(["evaluate", str(run), "--text", "a"]) == 2
    assert (
        "cannot answer texts: only runs of the family text or reading can, and its task is 'digits'"
        in capsys.readouterr().err
    )
    assert main(["evaluate", str(tmp_path / "none"), "--text", "a"]) == 2
    assert "holds no run" in capsys.readouterr().err


def test_no_split_is_loaded(make_run: MakeRun, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run has kept its vocabulary, so that no data are read."""
    run, asked = make_run(), list[str]()

    def noting(options: Any, split: Literal["train", "validation", "test"], **more: Any) -> TextData:
        asked.append(split)
        return load_text(options, split, **more)

    monkeypatch.setattr(whole_text, "load_text", noting)
    ask(run, "a good film")
    assert asked == []


def test_a_text_longer_than_all_others(make_run: MakeRun, ask: Ask) -> None:
    """It can be read, except by attention with a maximum length."""
    assert "0.00" in ask(make_run(), "a good film " * 200)
    located = {
        "kind": "lstm",
        "width": 3,
        "pooling": {"kind": "attention", "score": {"kind": "location", "length": 20}},
    }
    run = make_run(located, name="located")
    ask(run, "a good film")
    assert main(["evaluate", str(run), "--text", "a good film " * 20]) == 2


def test_control_characters_do_not_reach_the_terminal(make_run: MakeRun, ask: Ask) -> None:
    """Control characters in a text are replaced."""
    out = ask(make_run(), "a \x1b[31mred\x07 film")
    assert "\x1b" not in out and "\x07" not in out and "\ufffd" in out

"""Result tables of agents that search documents. A line is a shipped config, or a ranking on a config's task."""

from glimpse.reproduction.table_entries import Table, TableEntry

_WHOLE, _OWN, _MULTIRC = "FEVER, whole store", "FEVER, own pages", "MultiRC"
_TWO, _THREE = "two facts", "three facts"
_RANKINGS = {
    "bm25": "BM25's first sentences",
    "cosine": "nearest by cosine (GloVe)",
    "re-ranker": "supervised re-ranker",
    "random": "random sentences",
    "first": "first sentences",
    "gold": "marked evidence first",
}
_SEEDED = ("re-ranker", "random")
_FIRST = {
    _WHOLE: "evidence-fever",
    _OWN: "evidence-own",
    _MULTIRC: "evidence-multirc",
    _TWO: "facts-two",
    _THREE: "facts-three",
}
"""The agent that the other lines of its questions are compared with."""


def _agent(config: str, label: str, family: str) -> TableEntry:
    return TableEntry(config, f"{family}: {label}", family=family, beside=_FIRST[family])


def _control(config: str, label: str, family: str) -> TableEntry:
    return TableEntry(config, f"{family}: {label}", control=True, family=family, beside=_FIRST[family])


def _rankings(config: str, family: str, *names: str) -> list[TableEntry]:
    """Return the lines of rankings on a config's task."""
    return [
        TableEntry(
            config,
            f"{family}: {_RANKINGS[name]}",
            3 if name in _SEEDED else 1,
            control=True,
            family=family,
            ranking=name,
            beside=_FIRST[family],
        )
        for name in names
    ]


SEARCH_TABLES: dict[str, Table] = {
    "evidence": Table(
        "Evidence in documents: questions whose evidence is complete, and right answers, %",
        "Claims of ERASER's FEVER are judged with sentences that the agent opens: of all 4,064 pages (whole store), "
        "or of the claim's own ones. Evidence is complete when all sentences of a group that people marked are "
        "opened. Columns with a number of opened sentences are of greedy searches that open so many on average, by a "
        "number added to the logit of answering; rankings open exactly so many, and where a column says so the agent "
        "does, too. The label of most claims can be told without evidence: compare accuracies with the claim alone, "
        "which is the same for own pages. Training is on ERASER's validation part, so that no number can be compared "
        "with results that were trained on its training part. The re-ranker is gradient boosting of 13 overlap "
        "features of BM25's first 32 sentences, trained on all marked evidence. MultiRC: questions about a "
        "paragraph. F1 is that of opened sentences, or of their words, against all marked ones; for whole sentences "
        "the first is ERASER's IOU F1. ERASER's pipeline of two BERT, trained on all of its training part, is "
        "published with a token F1 of 52.3 and an IOU F1 of 54.0 on FEVER within a claim's own pages (DeYoung et "
        "al., 2020).",
        (
            _agent("evidence-fever", "by the evidence's reward", _WHOLE),
            _agent("evidence-fever-answer", "by the answer's reward", _WHOLE),
            _agent("evidence-fever-query", "a vector points", _WHOLE),
            *_rankings("evidence-fever", _WHOLE, *_RANKINGS),
            _control("evidence-fever-none", "the claim alone", _WHOLE),
            _control("evidence-fever-first", "reads BM25's first two", _WHOLE),
            _control("evidence-fever-gold", "reads marked evidence", _WHOLE),
            _control("evidence-fever-soft-two", "soft attention, two candidates", _WHOLE),
            _control("evidence-fever-soft", "soft attention, 16 candidates", _WHOLE),
            _agent("evidence-own", "by the evidence's reward", _OWN),
            _agent("evidence-own-answer", "by the answer's reward", _OWN),
            *_rankings("evidence-own", _OWN, *_RANKINGS),
            _control("evidence-own-first", "reads BM25's first two", _OWN),
            _control("evidence-own-soft", "soft attention, everything", _OWN),
            _agent("evidence-multirc", "by the evidence's reward", _MULTIRC),
            *_rankings("evidence-multirc", _MULTIRC, "bm25", "random", "first"),
            _control("evidence-multirc-none", "question and answer alone", _MULTIRC),
        ),
        figure="search",
        compared=("test_found_at_2", "test_found_at_4", "test_f1_first_2", "test_f1_first_4"),
    ),
    "facts": Table(
        "Generated facts among other sentences: right answers, %",
        "Questions that need two or three facts, hidden among sentences; each run is trained on texts of 4,000 words, "
        "in which 32 sentences name what the facts name, and the same weights also search texts of 100,000 and of "
        "1,000,000 words. The agents are rewarded for the answer alone unless the line says otherwise. A third of the "
        "questions about two facts ask what was sold first: the policy sees both months among the candidates, opens "
        "the earlier one, and answers right though the evidence is not complete. Columns with a number of opened "
        "sentences are as in the table of evidence.",
        (
            _agent("facts-two", "by the answer's reward", _TWO),
            _agent("facts-two-evidence", "by answer and evidence, after imitation", _TWO),
            _agent("facts-two-query", "a vector points", _TWO),
            *_rankings("facts-two", _TWO, "bm25", "random"),
            _control("facts-two-none", "the question alone", _TWO),
            _control("facts-two-first", "reads BM25's first four", _TWO),
            _control("facts-two-gold", "reads the needed facts", _TWO),
            _control("facts-two-soft-four", "soft attention, four candidates", _TWO),
            _control("facts-two-soft", "soft attention, 16 candidates", _TWO),
            _agent("facts-three", "by the answer's reward", _THREE),
            *_rankings("facts-three", _THREE, "bm25"),
            _control("facts-three-none", "the question alone", _THREE),
        ),
        figure="search",
        shifts={"task.words=100000": "100k", "task.words=1000000": "1m"},
    ),
}

"""Result table of agents beside people. A line is a shipped config; to add one, add a config and a `TableEntry`."""

from glimpse.reproduction.table_entries import Table, TableEntry

PEOPLE_TABLES: dict[str, Table] = {
    "people": Table(
        "People and agents on MNIST, looks at 5x5 pixels: right answers after each look, %",
        "In AttentionMNIST (Baruah et al., 2023) people clicked on 150 digits of MNIST to see 5x5 pixels at a time, "
        "and named the class after each of 12 clicks; the first window is in the middle. The agent looks by the same "
        "rules; it remembers what it saw, and whether people's earlier windows stayed in sight is not stated. It never "
        "saw the 150 digits in training or validation. Here it plays 12 sampled episodes of each. People's numbers are "
        "computed from a copy of their 1,736 sequences; an answer that names several classes is not right.",
        (TableEntry("people-anytime", "anytime agent"),),
        figure="people",
        people=True,
    ),
}

"""Result tables of translation. A line is a shipped config; to add one, add a config file and a `TableEntry`."""

from glimpse.reproduction.table_entries import Stated, Table, TableEntry

TRANSLATION_TABLES: dict[str, Table] = {
    "translation": Table(
        "Translation, Multi30k English to German: BLEU of test_2016_flickr",
        "sacreBLEU of detokenised translations with their capitals, found with a beam of 5; greedy search and chrF "
        "beside it. All lines have the same joint vocabulary of 8,000 subwords. Budgets are updates: 3,000 for LSTMs "
        "and RNNsearch, 5,000 without attention, 9,000 for Transformers, 5,200 for the simultaneous translator. These "
        "lines were trained before that by time, so that they made the updates of their column; with input feeding, "
        "which goes token by token, a decoder made fewer. The weights are those "
        "with the highest BLEU of greedy translations of the validation split, or with the simultaneous translator's "
        "highest reward. AL is average lagging in words or in tokens (Ma et al., 2019), DAL differentiable average "
        "lagging in words (Cherry and Foster, 2019). In the curves by length, few sources have more than 20 words: 29 "
        "have up to 25 and 8 have more, so that the ends of the curves are noise.",
        (
            TableEntry("multi30k-none", "LSTM, no attention", 1, control=True, family="length", short="no attention"),
            TableEntry("multi30k-bahdanau", "Bahdanau: RNNsearch", 1, family="length", short="RNNsearch"),
            TableEntry("multi30k-luong-dot", "Luong, global: dot", 1),
            TableEntry("multi30k-luong-general", "Luong, global: general", 1),
            TableEntry("multi30k-luong-concat", "Luong, global: concat", 1),
            TableEntry("multi30k-luong-location", "Luong, global: location", 1),
            TableEntry("multi30k-luong-local-m", "Luong, local-m: general", 1),
            TableEntry("multi30k-luong-local-p", "Luong, local-p: general", 1),
            TableEntry(
                "multi30k-luong-unfed", "Luong, general, without input feeding", 1, family="length", short="Luong"
            ),
            TableEntry("multi30k-luong-sparsemax", "Luong, general, sparsemax", 1),
            TableEntry("multi30k-hard", "hard: one token at a time", 1, family="length", short="hard"),
            TableEntry("multi30k-hard-monotone", "hard, monotone", 1),
            TableEntry("multi30k-transformer", "Transformer", 1, family="length"),
            TableEntry(
                "multi30k-transformer-relative", "Transformer, relative positions", 1, family="length", short="relative"
            ),
            TableEntry("multi30k-transformer-window", "Transformer, windows of 4", 1),
            TableEntry("multi30k-transformer-entmax", "Transformer, entmax 1.5", 1),
            TableEntry("multi30k-simultaneous", "Transformer of prefixes, READ or WRITE", 1, control=True),
        ),
        costs=("parameters",),
        updates=True,
        tested_again="no attention underfitted at first, and got less dropout and more minutes; the simultaneous "
        "translator was first trained on average lagging; general and the Transformer were trained again unchanged "
        "(BLEU 32.59 and 38.12 at first)",
        lengths=True,
        stated=(
            Stated("Hard attention beside soft", "multi30k-hard", "multi30k-luong-general", "test_bleu"),
            Stated(
                "Hard monotone attention beside soft", "multi30k-hard-monotone", "multi30k-luong-general", "test_bleu"
            ),
        ),
    ),
}

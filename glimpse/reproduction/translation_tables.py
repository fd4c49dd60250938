"""The tables of agents that translate. A line is a shipped config; for another one, add a file and an `Entry`."""

from glimpse.reproduction.table_entries import Entry, Table

TRANSLATION_TABLES: dict[str, Table] = {
    "translation": Table(
        "Translation, Multi30k English to German: BLEU of test_2016_flickr",
        "sacreBLEU of detokenised translations with their capitals, found with a beam of 5; greedy search and chrF "
        "beside it. All lines have the same joint vocabulary of 8,000 subwords. LSTMs train for 20 minutes, without "
        "attention for 25, RNNsearch for 30, Transformers for 50, the interpreter for 5,200 updates. With input "
        "feeding, which goes piece by piece, a decoder makes fewer updates in its time. The weights are those of the "
        "highest BLEU of greedy translations of the validation part, or of the interpreter's highest reward. A "
        "simultaneous translation is AL words or pieces behind (average lagging, Ma et al., 2019), or DAL words (the "
        "differentiable one, Cherry and Foster, 2019). By length, few sources have more than 20 words: 29 have up to "
        "25 and 8 have more, so that the ends of the curves are noise.",
        (
            Entry("multi30k-none", "LSTM, no attention", 1, control=True, family="length", short="no attention"),
            Entry("multi30k-bahdanau", "Bahdanau: RNNsearch", 1, family="length", short="RNNsearch"),
            Entry("multi30k-luong-dot", "Luong, global: dot", 1),
            Entry("multi30k-luong-general", "Luong, global: general", 1),
            Entry("multi30k-luong-concat", "Luong, global: concat", 1),
            Entry("multi30k-luong-location", "Luong, global: location", 1),
            Entry("multi30k-luong-local-m", "Luong, local-m: general", 1),
            Entry("multi30k-luong-local-p", "Luong, local-p: general", 1),
            Entry("multi30k-luong-unfed", "Luong, general, without input feeding", 1, family="length", short="Luong"),
            Entry("multi30k-luong-sparsemax", "Luong, general, sparsemax", 1),
            Entry("multi30k-hard", "hard: one piece at a time", 1, family="length", short="hard"),
            Entry("multi30k-hard-monotone", "hard, monotone", 1),
            Entry("multi30k-transformer", "Transformer", 1, family="length"),
            Entry(
                "multi30k-transformer-relative", "Transformer, relative positions", 1, family="length", short="relative"
            ),
            Entry("multi30k-transformer-window", "Transformer, windows of 4", 1),
            Entry("multi30k-transformer-entmax", "Transformer, entmax 1.5", 1),
            Entry("multi30k-interpret", "Transformer of beginnings, hears or writes", 1, control=True),
        ),
        costs=("parameters",),
        updates=True,
        tested_again="no attention underfitted at first, and got less dropout and more minutes; the interpreter was "
        "first taught by average lagging; general and the Transformer were trained again as they were (BLEU 32.59 and "
        "38.12 at first)",
        lengths=True,
    ),
}

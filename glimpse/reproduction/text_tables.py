"""Result tables of agents on text. A line is a shipped config; to add one, add a config file and a `TableEntry`."""

from glimpse.reproduction.table_entries import Published, Stated, Table, TableEntry

_ENCODERS = {
    "lstm": "bi-LSTM, max",
    "gru": "bi-GRU, max",
    "mean": "bi-LSTM, mean",
    "attention": "bi-LSTM, attention",
    "structured": "bi-LSTM, structured",
    "cnn": "CNN",
    "transformer": "Transformer",
    "relative": "Transformer, relative",
    "sparse": "Transformer, sparse",
    "disan": "DiSAN",
    "distance": "distance-based",
}
_RESAN_DATA = {"sick-r": "SICK-R", "sick-e": "SICK-E", "snli": "SNLI-20k", "sst2": "SST-2", "trec": "TREC"}
_SOFT = {"disan": "DiSAN", "transformer": "multi-head", "lstm": "bi-LSTM, max"}
_KEPT_ALIKE = {
    10: ("sst2-hard-1", "sst2-hard-10", "sst2-kuma-10"),
    30: ("sst2-hard-03", "sst2-hard-30", "sst2-kuma-30"),
    50: ("sst2-hard-01", "sst2-hard-50", "sst2-kuma-50"),
}
"""Lines of learned hard selection that keep about as many words as the top words of soft attention."""
_DISAN = "Shen et al. (2018a), DiSAN"
_BASELINES = "REINFORCE, by baseline: F1 of the kept words, %"
_OTHERS = "Other estimators and remedies: F1 of the kept words, %"
_FILMS = (
    "IMDB's validation reviews were drawn one by one, so that many are of a film that training has too, while its "
    "authors took the test set from other films: errors on the two cannot be compared. `imdb-films` are the same data "
    "with other films in validation."
)
_VECTORS = (
    "Embeddings start from GloVe's vectors of 50 numbers, trained on 6 billion words, and are fine-tuned; they count "
    "as parameters. Words per second and seconds per epoch are of training on one thread, evaluation on validation "
    "data included, while the machine may have been busy with another run."
)


def _encoder_entries(data: str, name: str, published: dict[str, Published]) -> list[TableEntry]:
    """Return a line for each encoder on one data set."""
    return [
        TableEntry(f"{data}-{encoder}", f"{name}: {label}", 3, published.get(encoder))
        for encoder, label in _ENCODERS.items()
    ]


def _disan(number: float) -> Published:
    """Return the accuracy that DiSAN's paper reports, quoted from memory."""
    return Published(paper=number, cited=_DISAN, recalled=("paper",))


def _skimming_entries(data: str, name: str, jump: str) -> list[TableEntry]:
    """Return the lines of a data set read as a whole (the baseline), with selected words, and with jumps."""
    whole = f"{data}-gru"
    return [
        TableEntry(whole, f"{name}: reads all words", family=name, beside=whole),
        TableEntry(f"{data}-skim", f"{name}: keeps selected words", family=name, beside=whole),
        TableEntry(f"{data}-jump", f"{name}: {jump}", control=True, family=f"{name}, LSTM-Jump", beside=whole),
    ]


def _family_entries(configs: dict[str, str], family: str) -> list[TableEntry]:
    """Return lines of one family in the table of selection, each with another setting."""
    return [TableEntry(f"sst2-{config}", f"{family}, {label}", family=family) for config, label in configs.items()]


def _resan_entries(data: str, name: str) -> list[TableEntry]:
    """Return the lines of ReSAN and of its soft-attention baselines on one data set."""
    others = [TableEntry(f"{data}-{encoder}", f"{name}: {label}", control=True) for encoder, label in _SOFT.items()]
    return [TableEntry(f"{data}-resan", f"{name}: ReSAN"), *others]


TEXT_TABLES: dict[str, Table] = {
    "sentences": Table(
        "Sentences: test accuracy, %",
        f"TREC has six kinds of questions, SST-2 positive and negative film reviews. {_VECTORS} Subj and MR have no "
        "test split: each run leaves out another of ten folds. Encoders of self-attention alone are trained for two to "
        "three times the steps of recurrent ones: after as many steps they still underfit, and a Transformer is five "
        "points below the LSTM (`glimpse train trec-relative train.steps=2000`).",
        (
            *_encoder_entries("trec", "TREC", {"disan": _disan(94.2)}),
            *_encoder_entries("sst2", "SST-2", {}),
            TableEntry("sst2-phrases", "SST-2, with phrases"),
            TableEntry("sst5-phrases", "SST-5, with phrases", 3, _disan(51.72)),
            TableEntry("subj", "Subj", 10, _disan(94.2), folds=True),
            TableEntry("mr", "MR", 10, folds=True),
        ),
        costs=("parameters",),
        speed=True,
    ),
    "planted": Table(
        "Planted texts: does the rationale find the word that decides the class? Test accuracy and kept words, %",
        "One of 20 words decides which of four classes is right; there are 40 such words and 200 others. The reader of "
        "a rationale sees the kept words alone. It is first trained on words kept at random and then frozen, so that "
        "the selector cannot encode a class by leaving out a word; where both learn together, it can. ReSAN's reader "
        "also sees the mean of the words that were not selected, so that it need not select any: its selection is no "
        "explanation.",
        (
            TableEntry("planted", "rationale, REINFORCE, leave one out", family=_BASELINES, short="leave one out"),
            TableEntry(
                "planted-critical", "rationale, REINFORCE, self-critical", family=_BASELINES, short="self-critical"
            ),
            TableEntry("planted-learned", "rationale, REINFORCE, learned baseline", family=_BASELINES, short="learned"),
            TableEntry(
                "planted-average", "rationale, REINFORCE, moving average", family=_BASELINES, short="moving average"
            ),
            TableEntry("planted-none", "rationale, REINFORCE, no baseline", family=_BASELINES, short="no baseline"),
            TableEntry("planted-through", "rationale, straight-through", family=_OTHERS, short="straight-through"),
            TableEntry("planted-hardkuma", "rationale, HardKuma", family=_OTHERS, short="HardKuma"),
            TableEntry("planted-together", "rationale, both learn together", family=_OTHERS, short="together"),
            TableEntry(
                "planted-complement", "together, with a complement's reader", family=_OTHERS, short="complement"
            ),
            TableEntry("planted-teacher", "together, with a soft teacher", family=_OTHERS, short="teacher"),
            TableEntry("planted-resan", "ReSAN", control=True),
            TableEntry("planted-reader", "reads all words", control=True),
        ),
        curve="val/rationale_f1",
    ),
    "pairs": Table(
        "Pairs of sentences: test accuracy, %, and correlation with human scores",
        "SICK-E and SNLI: whether the first sentence entails the second; SICK-R: how related they are, from 1 to 5. "
        f"SNLI's training split is cut to 20,000 of 549,367 pairs. {_VECTORS}",
        (
            TableEntry("sick-r-lstm", "SICK-R: bi-LSTM, max"),
            TableEntry("sick-r-transformer", "SICK-R: Transformer"),
            TableEntry("sick-r-disan", "SICK-R: DiSAN"),
            TableEntry("sick-r-distance", "SICK-R: distance-based"),
            TableEntry("sick-e-lstm", "SICK-E: bi-LSTM, max"),
            TableEntry("sick-e-transformer", "SICK-E: Transformer"),
            TableEntry("sick-e-disan", "SICK-E: DiSAN"),
            TableEntry("sick-e-distance", "SICK-E: distance-based"),
            TableEntry("snli-lstm", "SNLI-20k: bi-LSTM, max"),
            TableEntry("snli-aligned", "SNLI-20k: ESIM, aligned words"),
            TableEntry("snli-transformer", "SNLI-20k: Transformer"),
            TableEntry("snli-disan", "SNLI-20k: DiSAN"),
            TableEntry("snli-distance", "SNLI-20k: distance-based"),
        ),
        costs=("parameters",),
        speed=True,
    ),
    "resan": Table(
        "ReSAN and soft attention on the same texts: test accuracy, %, and correlation with human scores",
        "ReSAN selects by policy gradient which words attend (heads) and which are attended to (dependents), and "
        "applies DiSAN's attention to them; words that are not selected contribute through the mean of all words. "
        f"The baselines are DiSAN, multi-head attention and a bidirectional LSTM. {_VECTORS}",
        tuple(entry for data in _RESAN_DATA.items() for entry in _resan_entries(*data)),
        costs=("parameters",),
        speed=True,
    ),
    "selection": Table(
        "Accuracy over the share of words that are read, SST-2, %",
        "Hard attention keeps some words, and its reader sees these alone. They are selected by policy gradient, where "
        "keeping all words costs lambda, or where a multiplier holds the mean keep rate at a target; or by HardKuma "
        "variables with such a target. Sparse attention reads all words with a bidirectional LSTM and then gives some "
        "states a weight of zero: attended is the share of the others. Soft attention gives every word a positive "
        "weight; the top-k reader reads the words of the largest weights once more, alone, though it was trained on "
        "whole texts.",
        (
            *_family_entries({"hard-01": "0.1", "hard-03": "0.3", "hard-1": "1", "hard-3": "3"}, "hard, lambda"),
            *_family_entries({"hard-10": "10 %", "hard-30": "30 %", "hard-50": "50 %"}, "hard, keep rate"),
            *_family_entries({"kuma-10": "10 %", "kuma-30": "30 %", "kuma-50": "50 %"}, "HardKuma, keep rate"),
            *_family_entries(
                {"entmax-125": "1.25", "entmax-15": "1.5", "entmax-2": "2, sparsemax"}, "sparse, entmax of alpha"
            ),
            *_family_entries({"top-10": "10 %", "top-30": "30 %", "top-50": "50 %"}, "soft, the top words"),
            TableEntry("sst2-attention", "soft attention, all words", family="soft, the top words"),
            TableEntry("sst2-gru", "maxima, all words", control=True, family="maxima, all words"),
        ),
        figure="keep_rates",
        reference="sst2-attention",
        stated=tuple(
            Stated(
                f"Soft attention's top words beside selected ones, about {share} % kept",
                f"sst2-top-{share}",
                other,
                "test_accuracy",
            )
            for share, others in _KEPT_ALIKE.items()
            for other in others
        ),
    ),
    "skimming": Table(
        "Skimming: test accuracy, words read, and speed",
        "A reader of whole texts, a bidirectional GRU, is the baseline. The rationale has the same reader on the words "
        "that a selector keeps, given each word and the mean of all. LSTM-Jump reads from left to right, a few words "
        "at a time, and jumps, or opens one sentence after another. AG News is cut to 10,000 training texts, IMDB's "
        f"texts to their first 400 words. {_FILMS} In number prediction the first of ten numbers is the index of the "
        "answer: the best policy reads these two, 19 % on average, and never errs. One thread.",
        (
            *_skimming_entries("imdb", "IMDB", "LSTM-Jump, 20 words at a time"),
            TableEntry(
                "imdb-pick", "IMDB: opens sentences", control=True, family="IMDB, opens sentences", beside="imdb-gru"
            ),
            *_skimming_entries("agnews", "AG News", "LSTM-Jump, 8 words at a time"),
            TableEntry("sst2-gru", "SST-2: reads all words", family="SST-2", beside="sst2-gru"),
            TableEntry("sst2-hard-01", "SST-2: keeps selected words", family="SST-2", beside="sst2-gru"),
            TableEntry(
                "sst2-jump",
                "SST-2: LSTM-Jump, 4 words at a time",
                control=True,
                family="SST-2, LSTM-Jump",
                beside="sst2-gru",
            ),
            TableEntry("number-prediction", "Number prediction: jumps", control=True, drawn=False),
        ),
        figure="keep_rates",
        pace=True,
    ),
    "rationales": Table(
        "ERASER's film reviews: do predicted rationales agree with human ones? Test accuracy and F1, %",
        "Positive and negative reviews of 770 words on average. The human rationale is 9 % of the words in training, "
        "where no agent learns from it, 7 % in validation and 31 % in the test split, which was annotated more fully. "
        "The predicted rationale of a selector is the words that it keeps greedily, and the answer comes from these "
        "alone; that of soft attention, which sees everything, is the 20 % of words with the largest weights. F1 is "
        "that of predicted against human rationales, the mean over reviews; beside it stand the F1 of as many random "
        "words, of as many first words, and of the 20 % with each line's highest scores. IOU-F1 counts spans of words "
        "that overlap a human span with an intersection over union of at least a half; average precision ranks all "
        "words by their scores. Sufficiency is the drop of the answer's probability, in percentage points, when the "
        "predicted rationale alone is read (lower is better), comprehensiveness the drop without it (higher is "
        "better); their AOPC are means over the 1, 5, 10, 20 and 50 % of words with the highest scores. The measures "
        "are ERASER's (DeYoung et al., 2020).",
        (
            TableEntry("eraser-rationale", "rationale, REINFORCE"),
            TableEntry("eraser-contiguous", "rationale, REINFORCE, contiguous"),
            TableEntry("eraser-hardkuma", "rationale, HardKuma"),
            TableEntry("eraser-words", "rationale, HardKuma, word by word"),
            TableEntry("eraser-soft", "bi-GRU, soft attention", control=True),
        ),
        rationales=True,
    ),
    "documents": Table(
        "Documents, IMDB: test accuracy, %",
        "Film reviews, cut to at most 40 sentences of 40 words. HAN has a bidirectional GRU and attention over "
        f"words, and again over sentences. {_FILMS} {_VECTORS}",
        (
            TableEntry("imdb-han", "HAN, attention"),
            TableEntry("imdb-films-han", "HAN, attention, validated on other films"),
            TableEntry("imdb-han-long", "HAN, attention, ten epochs"),
            TableEntry("imdb-han-ave", "HAN, mean", 1),
            TableEntry("imdb-han-max", "HAN, maximum", 1),
            TableEntry("imdb-han-lstm", "HAN of LSTMs", 1),
            TableEntry("imdb-han-cnn", "HAN of CNNs", 1),
            TableEntry("imdb-gru", "flat bi-GRU, attention", 1),
        ),
        costs=("parameters",),
        speed=True,
    ),
}

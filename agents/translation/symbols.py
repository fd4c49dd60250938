"""Numbers of the special tokens, as the translation environments give them; padding is in `embedding.py`."""

UNKNOWN, BEGIN, END = 1, 2, 3

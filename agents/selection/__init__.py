"""Hard selection of tokens: which are kept, how likely that was, and what it costs."""

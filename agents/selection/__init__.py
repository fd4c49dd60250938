"""Hard selection of tokens: the selection networks, samples of their masks, and estimators of their gradients."""

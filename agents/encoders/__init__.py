"""Encoders of sentences and documents, from the vectors of tokens to one vector, with the weights of attention."""

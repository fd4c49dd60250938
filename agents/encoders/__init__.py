"""Sentence and document encoders: tokens' vectors in, one vector out, and what was attended on the way."""

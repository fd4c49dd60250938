"""Text: data sets of sentences, pairs and documents, their vocabulary, and the worlds that show them."""

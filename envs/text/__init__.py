"""Text: data sets of sentences, pairs and documents, their vocabulary, and the environments that show them."""

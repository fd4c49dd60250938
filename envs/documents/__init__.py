"""Environments whose episodes search documents: stores of sentences, questions with evidence, generated facts."""

"""Evaluation: an evaluator for each family, scores, control locators and diagnostics."""

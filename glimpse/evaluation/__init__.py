"""Evaluation: an evaluator for each family of environments, scores, control locators and diagnostics."""

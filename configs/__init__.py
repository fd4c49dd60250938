"""The YAML files of the shipped experiments, found here after an ordinary installation."""

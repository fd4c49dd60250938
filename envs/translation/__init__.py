"""Parallel texts: sentences and their translations, subwords, and the world that asks for one."""

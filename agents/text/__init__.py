"""Agents that read texts: whole, in part, or window by window."""

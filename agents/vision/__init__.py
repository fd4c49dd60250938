"""Agents that look at images: recurrent attention, soft attention, whole-image networks and controls."""

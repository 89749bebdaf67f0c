"""Colours, labels, phrases and provenance, shared by charts and sheets."""

"""Plotly figures, one file a shape."""

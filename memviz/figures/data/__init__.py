"""What is drawn: views, cells, captions. No colour, no library."""

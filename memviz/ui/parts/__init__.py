"""The parts of the pages, one file a page."""

"""MemViz on the command line: ``memviz``, which opens the pages, and its commands; ``python -m memviz`` is the same."""

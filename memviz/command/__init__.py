"""MemViz on the command line: ``python -m memviz fetch|models|read|translate|generate|corpus``."""

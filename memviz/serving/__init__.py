"""Who may run a model now, and what is kept between runs: for any server, none imported."""

"""Firefox Translations: its network, its files, and an engine that reads with it."""

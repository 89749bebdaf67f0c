"""The frame around every page: navigation, language, state, runs, messages."""

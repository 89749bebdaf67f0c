"""What the pages are made of: the only place besides app.py and pages/ that imports streamlit."""

"""MemViz: see what a Transformer remembers. `streamlit run app.py`"""

import streamlit as st

from memviz.ui.shell import frame
from memviz.ui.shell.i18n import t

st.set_page_config(page_title="MemViz", page_icon="memviz/ui/icon.png", layout="wide")
frame.choose_language()
page = st.navigation(
    [
        st.Page("pages/home.py", title=t("Home"), icon=":material/home:", url_path="home", default=True),
        st.Page("pages/heads.py", title=t("Heads"), icon=":material/grid_on:", url_path="heads"),
        st.Page("pages/recall.py", title=t("Recall"), icon=":material/history:", url_path="recall"),
        st.Page("pages/translate.py", title=t("Translate"), icon=":material/translate:", url_path="translate"),
        st.Page("pages/glossary.py", title=t("Glossary"), icon=":material/menu_book:", url_path="glossary"),
    ]
)
frame.choose_model(page.url_path)
page.run()

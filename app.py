"""MemViz: see what a Transformer remembers. `streamlit run app.py`"""

import streamlit as st

from memviz.ui.shell import address, frame, navigation, privacy, uploads

st.set_page_config(page_title="MemViz", page_icon=str(frame.ICON), layout="wide")
with address.in_step(), privacy.noted(), uploads.kept():
    frame.choose_language()
    page = navigation.choose_page()
    frame.choose_model(navigation.page_of(page.url_path))
    page.run()

"""MemViz for others than oneself: `streamlit run server.py`. The pages of `app.py`, with headers that protect them.

``STREAMLIT_SERVER_ALLOWED_HOSTS`` names the hosts it answers to.
"""

import streamlit as st
from starlette.middleware import Middleware
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from memviz.serving.headers import Headers

app = st.App("app.py", middleware=[Middleware(Headers, allowed=is_host_allowed)])

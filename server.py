"""MemViz for others than oneself: `streamlit run server.py`. The pages of `app.py`, with headers that protect them.

``STREAMLIT_SERVER_ALLOWED_HOSTS`` names the hosts it answers to.
"""

import streamlit as st
from starlette.middleware import Middleware
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from memviz.serving.headers import Headers
from memviz.serving.uploads import Uploads
from memviz.ui.shell import uploads

guarded = Middleware(Headers, allowed=is_host_allowed)
bounded = Middleware(Uploads, asks=uploads.asks, held=uploads.held)
app = st.App("app.py", middleware=[guarded, bounded])

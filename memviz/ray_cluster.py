"""A cluster of Ray at an address: does anybody listen there, and what is to be done where it does not let us in?"""

from __future__ import annotations

import socket

OPENS = 5.0  # seconds in which a machine answers that it listens
TOKEN = (
    "It listens, and does not let us in. A cluster that `ray start` began asks for its token: "
    "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN."
)


def knock(address: str) -> None:
    """Raises `OSError` at once where nothing listens at ``ray://HOST:PORT``; Ray itself would wait half a minute."""
    host, _, port = address.removeprefix("ray://").partition("/")[0].rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=OPENS).close()


def listens(address: str) -> bool:
    """Does anybody listen there?"""
    try:
        knock(address)
    except (OSError, ValueError):
        return False
    return True

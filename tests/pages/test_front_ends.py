"""Two front ends behind HAProxy, as `deploy/haproxy.cfg` has it: sessions stay, exports download, one may be killed."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass

import pytest
from websockets.exceptions import ConnectionClosed

from benchmarks.classroom import Student, student
from tests.browser.serving import ROOT, serving_process

pytestmark = [pytest.mark.models, pytest.mark.serving]
TEXTS = [f"Student {number} reads about the {word}." for number, word in enumerate(("cat", "river", "bank", "garden"))]
MORE = "Then they all went home together."


@dataclass
class Proxy:
    """The address of all front ends together, and the process of each by the name in its cookie."""

    address: str
    front_ends: dict[str, subprocess.Popen]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def proxy() -> Iterator[Proxy]:
    """Two front ends and the proxy before them, with the file that is given away."""
    assert shutil.which("haproxy"), "no HAProxy on this machine: apt-get install haproxy"
    with ExitStack() as stack:
        servers = [stack.enter_context(serving_process(ROOT / "server.py")) for _ in range(2)]
        places = [address.removeprefix("http://") for address, _ in servers]
        port = free_port()
        settings = {"BIND": f"127.0.0.1:{port}", "FRONT_A": places[0], "FRONT_B": places[1]}
        command = ["haproxy", "-db", "-f", str(ROOT / "deploy" / "haproxy.cfg")]
        balancer = subprocess.Popen(command, env={**os.environ, **settings}, stderr=subprocess.DEVNULL)
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(100):
                try:
                    urllib.request.urlopen(f"{address}/_stcore/health")
                    break
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.1)
            yield Proxy(address, {"a": servers[0][1], "b": servers[1][1]})
        finally:
            balancer.terminate()
            balancer.wait(timeout=20)


def reload(address: str, cookie: str = "") -> str:
    """Opens the page in a browser that has this ``cookie``; the one it has then."""
    with urllib.request.urlopen(urllib.request.Request(address, headers={"Cookie": cookie})) as answer:
        given = answer.headers.get("Set-Cookie", "").partition(";")[0]
    return given if given.startswith("FRONT=") else cookie


def fetch(url: str, cookie: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Cookie": cookie})) as answer:
        return answer.read()


async def read(person: Student, text: str) -> None:
    """The page shows this text, and nobody else's, without pressing twice."""
    answer = await person.paste(text, "")
    assert answer.seconds is not None
    assert (answer.mixed, answer.pressed) == ([], 0)


async def lesson(place: Proxy) -> None:
    cookies = [await asyncio.to_thread(reload, place.address) for _ in TEXTS]
    assert set(cookies) == {"FRONT=a", "FRONT=b"}, "both front ends have their share"
    async with AsyncExitStack() as open_tabs:
        people = [await open_tabs.enter_async_context(student(place.address, cookie=cookie)) for cookie in cookies]
        await asyncio.gather(*(read(person, text) for person, text in zip(people, TEXTS, strict=True)))
        files = [f"{place.address}{await person.export('export_csv')}" for person in people]
        tables = [(await asyncio.to_thread(fetch, *pair)).decode() for pair in zip(files, cookies, strict=True)]
        for table, word in zip(tables, ("cat", "river", "bank", "garden"), strict=True):
            assert word in table, "everyone's file is of their own text"
        other = {"FRONT=a": "FRONT=b", "FRONT=b": "FRONT=a"}[cookies[0]]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            await asyncio.to_thread(fetch, files[0], other)

        killed = cookies[0]
        place.front_ends[killed.removeprefix("FRONT=")].kill()
        for person, text, cookie, table in zip(people, TEXTS, cookies, tables, strict=True):
            if cookie != killed:  # they notice nothing
                url = f"{place.address}{await person.export('export_csv')}"
                assert (await asyncio.to_thread(fetch, url, cookie)).decode() == table
                await read(person, f"{text} {MORE}")
                assert await asyncio.to_thread(reload, place.address, cookie) == cookie
                continue
            with pytest.raises(ConnectionClosed):
                await person.paste(text, "")
            given = await asyncio.to_thread(reload, place.address, cookie)  # one reload, and all is there again
            assert given == other
            async with student(place.address, cookie=given) as again:
                await read(again, text)
                url = f"{place.address}{await again.export('export_csv')}"
                assert (await asyncio.to_thread(fetch, url, given)).decode() == table


def test_a_front_end_that_is_killed_costs_its_users_one_reload_and_others_nothing() -> None:
    with proxy() as place, ThreadPoolExecutor(1) as thread:  # the tests of the browser keep a loop running in this one
        thread.submit(lambda: asyncio.run(lesson(place))).result()

"""The package as pip installs it: what it asks for, what is in it, and that it runs where no source tree is."""

from __future__ import annotations

import ast
import os
import re
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling import build
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from memviz import __version__
from memviz.extras import DISTRIBUTION
from memviz.ui.shell.navigation import PAGES

ROOT = Path(__file__).parents[1]
NO_FILES = {"__pycache__", ".DS_Store"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    before = Path.cwd()
    os.chdir(ROOT)  # a build backend is asked in the folder of the project
    try:
        return folder / build.build_wheel(str(folder))
    finally:
        os.chdir(before)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside of this tree that pip installed the wheel into, and nothing else."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True, capture_output=True)
    return target


@pytest.fixture(scope="module")
def distribution(installed: Path) -> Distribution:
    return PathDistribution(next(installed.glob("*.dist-info")))


def environment(installed: Path) -> dict[str, str]:
    """Where memviz can only be the installed one; what it depends on is that of this environment."""
    return {**os.environ, "PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"}


def written() -> dict[str, str]:
    """Every line of requirements.txt, and the extra that it names: "" for none."""
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    found = [re.fullmatch(r"([\w.-]+==[\w.]+)(?:  # \[(\w+)\])?", line) for line in lines if line[:1] != "#"]
    assert all(found), "every line pins one package"
    return {line[1]: line[2] or "" for line in found if line}


def test_it_asks_for_what_requirements_name(distribution: Distribution) -> None:
    assert distribution.metadata["Name"] == DISTRIBUTION
    assert distribution.version == __version__
    asked = {}
    for requirement in map(Requirement, distribution.requires or []):
        extra = re.findall(r'extra == "(\w+)"', str(requirement.marker or ""))
        asked[canonicalize_name(requirement.name), str(requirement.specifier)] = (extra or [""])[0]
    expected = {
        (canonicalize_name(requirement.name), str(requirement.specifier)): extra
        for requirement, extra in ((Requirement(line), extra) for line, extra in written().items())
    }
    assert expected.items() <= asked.items()
    assert sorted(asked[name] for name in asked.keys() - expected) == ["notebook", "ray"]
    assert {"", "speech", "test"} == set(expected.values())


def test_a_part_that_may_be_missing_is_an_extra(distribution: Distribution) -> None:
    named = {
        (ast.literal_eval(node.args[0]), ast.literal_eval(node.keywords[0].value))
        for file in (ROOT / "memviz").rglob("*.py")
        if "require(" in file.read_text("utf-8")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "require" and node.keywords
    }
    assert named == {("soundfile", "speech"), ("ray", "ray"), ("anywidget", "notebook")}
    for package, extra in named:
        assert any(
            requirement.startswith(package) and f"extra == '{extra}'" in requirement
            for requirement in distribution.requires or []
        )


def test_nothing_of_the_tree_is_missing(wheel: Path) -> None:
    inside = set(ZipFile(wheel).namelist())
    there = [path for room in ("memviz", "pages") for path in (ROOT / room).rglob("*") if path.is_file()]
    expected = {str(path.relative_to(ROOT)) for path in there if not NO_FILES & {*path.parts}}
    expected = {f"memviz/app/{name}" if name.startswith("pages/") else name for name in expected}
    expected |= {f"memviz/app/{name}" for name in ("app.py", "server.py", ".streamlit/config.toml")}
    assert {name for name in inside if ".dist-info/" not in name} == expected
    assert {Path(name).suffix for name in expected} >= {".js", ".css", ".html", ".json", ".csv", ".ogg", ".jpg", ".png"}


def test_the_source_distribution_builds_the_same(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with tarfile.open(tmp_path / build.build_sdist(str(tmp_path))) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    monkeypatch.chdir(folder)
    again = tmp_path / build.build_wheel(str(tmp_path))
    assert {(i.filename, i.CRC) for i in ZipFile(again).infolist()} == {
        (i.filename, i.CRC) for i in ZipFile(wheel).infolist()
    }


@pytest.fixture(scope="module")
def address(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the installed app, opened by its command in an empty folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(installed / "bin" / "memviz"), "app", "--no-browser", "--port", str(port)]
    folder = tmp_path_factory.mktemp("elsewhere")
    said = folder / "said.txt"
    with said.open("w") as out:
        server = subprocess.Popen(command, cwd=folder, env=environment(installed), stdout=out, stderr=out)
        try:
            yield _opened(server, f"http://127.0.0.1:{port}", said)
        finally:
            server.terminate()
            server.wait(timeout=60)


def _opened(server: subprocess.Popen, address: str, said: Path) -> str:
    """The address, once somebody answers there."""
    for _ in range(480):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health")
        except (urllib.error.URLError, ConnectionError):
            assert server.poll() is None, said.read_text("utf-8")
            time.sleep(0.25)
        else:
            return address
    raise AssertionError("the server did not start within two minutes")


def test_memviz_alone_serves_its_pages(address: str) -> None:
    with urllib.request.urlopen(address) as answer:
        assert b"<title>Streamlit</title>" in answer.read()


def test_the_installed_command_works_and_pages_are_drawn(installed: Path, tmp_path: Path) -> None:
    """From another folder: a command; one page in full, the icon, and the settings beside it; every page is there."""
    code = f"""
import runpy, sys
sys.argv = ["memviz", "models"]
try:
    runpy.run_path({str(installed / "bin" / "memviz")!r}, run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
from streamlit import config
from streamlit.testing.v1 import AppTest
import memviz.command.app as command
import memviz.ui
from memviz.ui.shell import frame

folder = command.app_folder()
config._main_script_path = str(folder / "app.py")
app = AppTest.from_file(str(folder / "app.py"), default_timeout=120)
app.switch_page("pages/glossary.py")
app.run()
assert not app.exception, app.exception
assert frame.ICON.is_file()
missing = [page for page in {sorted(PAGES)!r} if not (folder / "pages" / f"{{page}}.py").is_file()]
size = config.get_config_options(force_reparse=True)["theme.baseFontSize"].value
print(folder, memviz.ui.__file__, app.title[0].value, missing, size, sep="|")
"""
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(installed), capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "all-MiniLM-L6-v2" in run.stdout
    folder, ui, title, missing, size = run.stdout.strip().splitlines()[-1].split("|")
    assert Path(folder) == installed / "memviz" / "app"
    assert Path(ui).is_relative_to(installed)
    assert (title, missing, size) == (PAGES["glossary"].question, "[]", "17")

"""What the components' scripts and the sheets shape alike: both give the values of tests/golden/shaping.json."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memviz.figures.sheets.crossing import curve_bend
from memviz.figures.style.colours import THEMES, mixed, readable, word_tint
from memviz.figures.style.numbers import decimal, head_name, percent, times

ROOT = Path(__file__).parents[2]
COMPONENTS = ROOT / "memviz" / "ui" / "components"
GOLDEN: dict[str, Any] = json.loads((ROOT / "tests" / "golden" / "shaping.json").read_text(encoding="utf-8"))
INK = {(0, 0, 0): "on-light", (255, 255, 255): "on-dark"}

SCRIPT = """
const { readFileSync } = require("node:fs");
const [folder, golden] = [process.argv[1], JSON.parse(readFileSync(process.argv[2], "utf-8"))];
globalThis.matchMedia = () => ({ matches: false });
const read = (file) => readFileSync(`${folder}/${file}`, "utf-8");
const parts = (file) => ["shared.js", "text.js", file].map(read).join("\\n");
const load = (file, names) => new Function(`${parts(file)}; return { ${names} };`)();
const { strength, luminance, mix, percent, times, decimal, headName } =
  load("words/tints.js", "strength, luminance, mix, percent, times, decimal, headName");
const { pixel } = load("grid/tiles.js", "pixel");
const { down, across, AIR } = load("cross/layout.js", "down, across, AIR");
const numbers = (path) => path.match(/-?[\\d.]+/g).map(Number);
const bend = (layout, [left, top], [right, bottom]) => {
  const path = layout === "rows"
    ? down({ x: left, bottom: top - AIR }, { x: right, top: bottom + AIR })
    : across({ x: left, y: top, right: left - AIR }, { x: right, y: bottom, left: right + AIR }, 0);
  return [numbers(path).slice(2, 4), numbers(path).slice(4, 6)];
};
const { themes } = golden;
const bytes = (value) => [value & 255, (value >> 8) & 255, (value >> 16) & 255];
console.log(JSON.stringify({
  percent: golden.percent.map(([share]) => percent(share)),
  times: golden.times.map(([ratio]) => times(ratio)),
  decimal: golden.decimal.map(([value, digits]) => decimal(value, digits)),
  head_name: golden.head_name.map(([layer, head]) => headName(layer, head)),
  word_tint: golden.word_tint.map(([share]) => strength(share)),
  mixed: golden.mixed.map(([low, high, share]) => mix(low, high, share)),
  ink: golden.ink.map(([colour]) => (luminance(colour) > 0.179 ? "on-light" : "on-dark")),
  thumbnail: golden.thumbnail.map(([theme, byte]) => bytes(pixel(mix(...themes[theme], byte / 255)))),
  bend: golden.bend.map(([layout, start, stop]) => bend(layout, start, stop)),
}));
"""


@pytest.fixture(scope="module")
def from_scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the components' scripts give for the arguments of the golden values."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js on this machine")
    themes = {name: [theme.panel, theme.blue] for name, theme in THEMES.items()}
    file = tmp_path_factory.mktemp("golden") / "golden.json"
    file.write_text(json.dumps(GOLDEN | {"themes": themes}), encoding="utf-8")
    run = subprocess.run([node, "-e", SCRIPT, str(COMPONENTS), str(file)], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def from_python() -> dict[str, Any]:
    """The same from the functions that the sheets are drawn with."""
    ramp = {name: mixed(theme.panel, theme.blue, np.linspace(0, 1, 256)) for name, theme in THEMES.items()}
    return {
        "percent": [percent(share) for share, _ in GOLDEN["percent"]],
        "times": [times(ratio) for ratio, _ in GOLDEN["times"]],
        "decimal": [decimal(value, digits=digits) for value, digits, _ in GOLDEN["decimal"]],
        "head_name": [head_name(layer, head) for layer, head, _ in GOLDEN["head_name"]],
        "word_tint": [word_tint(share) for share, _ in GOLDEN["word_tint"]],
        "mixed": [mixed(low, high, share).tolist() for low, high, share, _ in GOLDEN["mixed"]],
        "ink": [INK[readable(colour)] for colour, _ in GOLDEN["ink"]],
        "thumbnail": [ramp[theme][byte].tolist() for theme, byte, _ in GOLDEN["thumbnail"]],
        "bend": [
            [list(point) for point in curve_bend(start, stop, in_rows=layout == "rows")]
            for layout, start, stop, _ in GOLDEN["bend"]
        ],
    }


def expected(name: str) -> list[Any]:
    return [row[-1] for row in GOLDEN[name]]


NAMES = [name for name in GOLDEN if name != "about"]


@pytest.mark.parametrize("name", NAMES)
def test_the_sheets_give_the_golden_values(name: str) -> None:
    compare(name, from_python()[name])


@pytest.mark.parametrize("name", NAMES)
def test_the_scripts_give_the_golden_values(from_scripts: dict[str, Any], name: str) -> None:
    values = from_scripts[name]
    if name in ("percent", "times"):  # in the scripts a number stands alone in its element: no line is broken there
        values = [text.replace(" ", "\u00a0") for text in values]
    compare(name, values)


def compare(name: str, values: list[Any]) -> None:
    """Numbers to a billionth, colours to the step that they are rounded to, the rest exactly."""
    assert len(values) == len(GOLDEN[name]) >= 2
    if name == "mixed":
        np.testing.assert_allclose(values, expected(name), atol=0.5)
    elif name in ("word_tint", "bend"):
        np.testing.assert_allclose(values, expected(name), atol=1e-9)
    else:
        assert values == expected(name)

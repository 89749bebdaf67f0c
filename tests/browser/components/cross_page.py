"""How the tests find their way about the links of a translation."""

from __future__ import annotations

CROSS = "[data-testid=memviz-cross]"
CROSS_WORD = "[data-testid=memviz-cross-word]"
LINK = "[data-testid=memviz-cross-link]"
OWN = "[data-testid=memviz-cross-own] path"
WHERE = "[data-testid=memviz-cross-where]"
ALONE = "text=no&grid=no"
HERE = "document.activeElement.shadowRoot.activeElement.textContent"
GATO, CAT_WORD = 1, 2
CONTRAST = """(root) => {
  const pen = new OffscreenCanvas(1, 1).getContext('2d');
  const luminance = (colour) => {
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).map((c) => c / 255)
      .map((c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
      .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  };
  const paper = luminance(getComputedStyle(root).getPropertyValue('--st-background-color'));
  const against = (ink) => (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05);
  const written = [...root.querySelectorAll('.word, .mark, .where')];
  return written.map((one) => against(luminance(getComputedStyle(one).color)));
}"""
"""How well can each word and number be told from the page behind it?"""


def word(page, side: str, index: int):
    return page.locator(f"{CROSS_WORD}[data-side={side}][data-index='{index}']")


def links(page, of: str = LINK) -> dict[tuple[int, int], float]:
    """All links that are drawn: (target, source) to weight, every digit."""
    drawing = page.locator(of).evaluate_all("all => all.map(one => ({...one.dataset}))")
    result = {(int(item["target"]), int(item["source"])): float(item["weight"]) for item in drawing}
    assert len(result) == len(drawing), "no link is drawn twice"
    return result


def spotlight(page) -> str | None:
    return page.locator(CROSS).get_attribute("data-shown")


def step(page, name: str) -> None:
    page.locator(f"[data-testid=memviz-cross-steps] [data-do={name}]").click()


def visible_words(page, side: str = "target") -> list[bool]:
    """Which words of a row can be seen?"""
    return page.locator(f"{CROSS_WORD}[data-side={side}]").evaluate_all(
        "all => all.map(one => getComputedStyle(one).visibility === 'visible')"
    )


def rows(page, card: str) -> list[tuple[str, str, str]]:
    """Each line of a card: the word, its bar without a text, its share."""
    lines = page.locator(f"[data-testid=memviz-cross-{card}] [data-testid=memviz-cross-row]")
    return [
        tuple(text) for text in lines.evaluate_all("all => all.map(one => [...one.children].map(c => c.textContent))")
    ]

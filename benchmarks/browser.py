"""What does the browser get, and how soon? `python -m benchmarks.browser`

For the grid of heads (MiniLM, 6 × 12) on texts of 64 to 1,024 words: bytes over the wire from
the paste on, elements on the page, and seconds until it is drawn; beside it bertviz's model view
of the same weights: bytes of its HTML and seconds to build it. Then paste to first picture on Home,
and how long a hover takes in the words, the grid and the links.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from benchmarks.text import prose
from tests.browser.serving import chromium, serving, wait_until_idle

LENGTHS = (64, 128, 512, 1024)
BERTVIZ_UP_TO = 128
OVER_WORDS = """(root) => [...root.querySelectorAll('.word')].map((word) => {
  const start = performance.now();
  word.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
  root.getBoundingClientRect();
  return performance.now() - start;
})"""
OVER_HEADS = """(root) => {
  const plane = root.querySelector('.plane'), box = plane.getBoundingClientRect();
  return [...Array(60).keys()].map((step) => {
    const start = performance.now();
    const share = (step + 0.5) / 60, clientX = box.left + box.width * share, clientY = box.top + box.height * share;
    plane.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX, clientY }));
    root.getBoundingClientRect();
    return performance.now() - start;
  });
}"""
HOVER = {
    "": ("memviz-words", OVER_WORDS),
    "heads": ("memviz-grid", OVER_HEADS),
    "translate": ("memviz-cross", OVER_WORDS),
}
COUNT = """() => {
  window.sent = 0;
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (...all) { window.sent += 1; return send.apply(this, all); };
}"""
PRESSED = "addEventListener('keydown', () => { window.pressed = performance.now(); }, true)"
DRAWN = """(root, before) => { window.drawn = new Promise((found) => {
  const look = () => root.dataset.drawing !== before && root.dataset.drawn === 'true' && requestAnimationFrame(found);
  new MutationObserver(look).observe(root, { attributes: true });
}); }"""
WORD_SHOWN = """(root, word) => { window.drawn = new Promise((found) => {
  const look = () => root.textContent.includes(word) && requestAnimationFrame(found);
  new MutationObserver(look).observe(root, { childList: true, subtree: true });
}); }"""
TRIES = 5
TARGET = {"nodes": 300, "seconds": 1.0, "paste": 1.5, "hover": 16}


def main() -> None:
    import memviz

    readers = {name: memviz.load(name) for name in ("minilm", "smollm2")}
    reader = readers["minilm"]
    read_by = {tokens: "minilm" if tokens <= 512 else "smollm2" for tokens in LENGTHS}  # MiniLM reads 512 at most
    texts = {
        tokens: [readers[name].window(prose(), 7 * turn, tokens - 2) for turn in range(TRIES)]
        for tokens, name in read_by.items()
    }
    with serving(OMP_NUM_THREADS="2") as address, chromium() as browser:
        print("the grid of heads; drawn after: from the paste, the reading included\n")
        print("  model     tokens   on the wire   grid nodes   page nodes   drawn after   bertviz HTML   built in")
        for tokens, several in texts.items():
            model = read_by[tokens]
            figures = grid(browser, f"{address}/heads?model={model}", several)
            peer = bertviz(reader, several[0]) if tokens <= BERTVIZ_UP_TO else None
            print(row(model, tokens, figures, peer), flush=True)
        print(f"\ntarget at 128 tokens: ≤ 0.3 MB, ≤ {TARGET['nodes']} nodes, ≤ {TARGET['seconds']} s")
        seconds = statistics.median(first_picture(browser, address, texts[64][0]) for _ in range(TRIES))
        print(f"paste to first picture on Home, 64 tokens: {seconds:.2f} s (target ≤ {TARGET['paste']} s)")
        for page, (part, how) in HOVER.items():
            middle, messages = hover(browser, f"{address}/{page}", part, how)
            print(
                f"hover, {part.removeprefix('memviz-'):5}: {middle:.2f} ms, median (target ≤ {TARGET['hover']} ms); "
                f"{messages} messages to the server (target 0)"
            )


def row(model: str, tokens: int, figures: dict[str, float], peer: tuple[float, float] | None) -> str:
    """One line of the table."""
    other = "–" if peer is None else f"{peer[0] / 1e6:9.1f} MB     {peer[1]:5.1f} s"
    return (
        f"  {model:8}{tokens:8,}  {figures['bytes'] / 1e6:8.2f} MB   {figures['grid']:10,.0f}   "
        f"{figures['nodes']:10,.0f}   {figures['seconds']:9.2f} s   {other}"
    )


def grid(browser: Any, address: str, texts: list[str]) -> dict[str, float]:
    """Pastes one text after the other on the page Heads and waits for its grid: the median of all."""
    tries = [_grid(browser, address, text) for text in texts]
    return {name: statistics.median(times[name] for times in tries) for name in tries[0]}


def _grid(browser: Any, address: str, text: str) -> dict[str, float]:
    page = opened(browser, address)
    received = wire(page)
    page.get_by_text("Text", exact=True).first.click()
    box = page.locator("textarea").first
    box.wait_for(state="visible")
    before = page.locator("[data-testid=memviz-grid]").get_attribute("data-drawing")
    box.fill(text)
    received.clear()
    seconds = pasted(page, "memviz-grid", DRAWN, before)
    wait_until_idle(page, 120_000)
    figures = {
        "bytes": float(sum(received)),
        "nodes": float(page.locator("*").count()),  # a locator looks into the components, too
        "grid": float(page.locator("[data-testid=memviz-grid] *").count()),
        "seconds": seconds,
    }
    page.context.close()
    return figures


def first_picture(browser: Any, address: str, text: str) -> float:
    """Seconds from the paste to the words on Home, the model warm."""
    page = opened(browser, f"{address}/?model=minilm")
    box = page.locator("textarea").first
    marked = f"{text} {time.time_ns()}"
    box.fill(marked)
    seconds = pasted(page, "memviz-words", WORD_SHOWN, marked.split()[-1][-6:])
    page.context.close()
    return seconds


def pasted(page: Any, part: str, drawn: str, argument: str | None) -> float:
    """Seconds from the key that has a text read until a part is drawn, by the clock of the browser."""
    page.evaluate(PRESSED)
    page.get_by_test_id(part).first.evaluate(drawn, argument)
    page.locator("textarea").first.press("Control+Enter")
    return page.evaluate("drawn.then((now) => now - pressed)") / 1000


def hover(browser: Any, address: str, part: str, how: str) -> tuple[float, int]:
    """(milliseconds until a pointed word or head is shown, the median; messages that this sent to the server)."""
    page = opened(browser, address)
    page.evaluate(COUNT)
    times = page.locator(f"[data-testid={part}]").first.evaluate(how)
    result = statistics.median(times), page.evaluate("window.sent")
    page.context.close()
    return result


def opened(browser: Any, address: str) -> Any:
    """A fresh page, with the model warm."""
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    page.goto(address)
    page.wait_for_selector("[data-testid^=memviz-]", timeout=120_000)
    wait_until_idle(page, 120_000)
    return page


def wire(page: Any) -> list[int]:
    """The sizes of all messages that the server sends from now on."""
    sizes: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")

    def frame(event: dict[str, Any]) -> None:
        response = event["response"]
        data = response["payloadData"]
        sizes.append(len(data) * 3 // 4 if response["opcode"] == 2 else len(data))

    session.on("Network.webSocketFrameReceived", frame)
    return sizes


def bertviz(reader: Any, text: str) -> tuple[float, float]:
    """(bytes of bertviz's model view of the same weights, seconds to build it)."""
    import torch
    from bertviz import model_view

    inputs = reader.tokenizer(text, return_tensors="pt")
    reader.model.set_attn_implementation("eager")
    with torch.inference_mode():
        weights = reader.model(**inputs, output_attentions=True).attentions
    reader.model.set_attn_implementation("memviz")
    began = time.perf_counter()
    page = model_view(weights, reader.tokenizer.convert_ids_to_tokens(inputs["input_ids"][0]), html_action="return")
    return float(len(page.data)), time.perf_counter() - began


if __name__ == "__main__":
    main()

/* How strong is a tint, and which ink can be read on it? */

const STRONGEST = 0.92; // a full tint, still paler than the bar's colour

/** Each linked word with its strongest tint, 0 to 1: two heads may lead to the same word. */
function strongestTints(links) {
  const best = new Map();
  for (const { index, tint } of links) best.set(index, Math.max(tint / 255, best.get(index) ?? 0));
  return best;
}

/** Weak links stay visible, strong ones stay apart: between linear and the square root. */
const strength = (weight) => STRONGEST * Math.min(1, weight) ** 0.65;

function readColours(root) {
  const names = ["--blue", "--orange", "--paper", "--surprised"];
  const [blue, orange, paper, surprised] = names.map((name) => rgb(root, `var(${name})`));
  return { blue, orange, paper, surprised };
}

/** Blue behind a source, orange below a reader, both where both hold; black or white on top. */
function paint(span, { blue = 0, orange = 0, colours }) {
  if (blue) span.classList.add("source");
  if (orange) span.classList.add("reader");
  span.style.setProperty("--addressed", strength(blue));
  span.style.setProperty("--reads", strength(orange));
  const behind = blue
    ? mix(colours.paper, colours.blue, strength(blue))
    : mix(colours.paper, colours.orange, strength(orange) * 0.55);
  span.classList.add(luminance(behind) > 0.179 ? "on-light" : "on-dark");
}

/** Behind a written word: as strong as its surprise; and the ink that can be read on it. */
function tintBySurprise(span, { share, colours }) {
  const opacity = STRONGEST * share;
  span.style.setProperty("--surprise", opacity);
  const behind = mix(colours.paper, colours.surprised, opacity);
  span.style.setProperty("--ink-on-tint", luminance(behind) > 0.179 ? "#000" : "#fff");
}

/** What the tints of written words mean: a ramp with the probabilities along it. */
function writeLegend(place, { legend, labels }) {
  place.hidden = !legend;
  if (!legend) return;
  const ramp = element("span", "ramp");
  const ticks = legend.map(([share, text]) => {
    const tick = element("span", "tick", text);
    tick.style.setProperty("--at", share);
    return tick;
  });
  ramp.append(...ticks);
  place.replaceChildren(element("span", "name", labels.legend), ramp);
}

function unmark(span) {
  span.classList.remove("source", "reader", "on-light", "on-dark", "shown");
  span.removeAttribute("style");
}

/** Relative luminance (WCAG 2.2): above 0.179 black is the more readable ink, below it white. */
function luminance(colour) {
  const [r, g, b] = colour.map((c) => (c <= 10.31475 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

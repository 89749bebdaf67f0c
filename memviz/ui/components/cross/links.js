/* What Python sent, as links and tokens; and the words they belong to. */

const SEEN = 0.04; // a lighter link leaves its word as it is

/** The links by target word and by source word, strongest first: {source, target, weight, head}. */
function readLinks({ arrays, sources, targets, heads }) {
  const index = array(arrays, "index", Uint32Array);
  const weight = array(arrays, "weight", Float32Array);
  const head = heads.length ? array(arrays, "head", Uint8Array) : [];
  const width = weight.length / Math.max(1, targets.length);
  const links = { source: sources.map(() => []), target: targets.map(() => []) };
  weight.forEach((w, i) => {
    if (!(w > 0)) return;
    const link = { source: index[i], target: Math.floor(i / width), weight: w, head: head[i] ?? 0 };
    links.target[link.target].push(link);
    links.source[link.source].push(link);
  });
  for (const readers of links.source) readers.sort((a, b) => b.weight - a.weight);
  return links;
}

/** A function from a target word to its tokens: {text, probability, others: [{text, probability}]}. */
function readTokens({ arrays, tokens, others }) {
  const counts = array(arrays, "token_count", Uint16Array);
  const probability = array(arrays, "probability", Float32Array);
  const chances = array(arrays, "other_probability", Float32Array);
  const [firsts, starts] = [running(counts), running(others.map((each) => each.length))];
  const token = (i) => ({
    text: tokens[i],
    probability: probability[i],
    others: others[i].map((text, k) => ({ text, probability: chances[starts[i] + k] })),
  });
  return (target) => Array.from({ length: counts[target] }, (_, k) => token(firsts[target] + k));
}

/** How much stands before each: [2, 3, 1] gives [0, 2, 5]. */
function running(counts) {
  let sum = 0;
  return Array.from(counts, (count) => (sum += count) - count);
}

const specials = ({ arrays }) => ({
  source: array(arrays, "source_special", Uint8Array),
  target: array(arrays, "target_special", Uint8Array),
});

const sameSpot = (a, b) => a?.side === b?.side && a?.index === b?.index;

/** The word at the other end of a link. */
const otherEnd = (link, { side }) => ({ side: OTHER[side], index: link[OTHER[side]] });

const spotOf = (target) => {
  const word = target.closest?.("[data-testid=memviz-cross-word]");
  return word ? { side: word.dataset.side, index: Number(word.dataset.index) } : null;
};

function wordSpan({ text, side, index, special }) {
  const word = element("span", special ? "word special" : "word", visible(text));
  word.dir = special ? "ltr" : "auto";
  word.tabIndex = -1;
  word.dataset.testid = "memviz-cross-word";
  word.dataset.side = side;
  word.dataset.index = index;
  word.setAttribute("role", "button");
  word.setAttribute("aria-pressed", "false");
  return word;
}

/** A word that may not be read, for the eye and for the ear. */
function strike(word, { sources, labels }) {
  word.classList.add("forgotten");
  word.setAttribute("aria-label", fillPlaces(labels.forgotten, { word: visible(sources[word.dataset.index]) }));
}

/** A word at the other end: in the colour of its link, the more the heavier. */
function joinTo(word, weight) {
  if (weight < SEEN) return;
  word.classList.add("joined");
  word.style.setProperty("--share", Math.min(1, weight));
}

function unmark(word) {
  word.classList.remove("shown", "joined");
  word.style.removeProperty("--share");
}

const MOVES = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];

/** +1 or -1 for the keys that move along a row as it runs on screen, 0 for the others. */
function stepAlong(key, { layout, rtl }) {
  const onward = rtl && layout === "rows" ? -1 : 1;
  const keys = layout === "rows" ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
  return [-onward, onward][keys.indexOf(key)] ?? 0;
}

/** Does this key point to the other row? */
function leadsAcross(key, { layout, side, facing }) {
  const [left, right] = facing ? ["ArrowRight", "ArrowLeft"] : ["ArrowLeft", "ArrowRight"];
  const toSource = layout === "rows" ? "ArrowUp" : left;
  const toTarget = layout === "rows" ? "ArrowDown" : right;
  return key === (side === "target" ? toSource : toTarget);
}

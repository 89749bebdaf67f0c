/* Below the picture: what the word that is shown was read from or by, and how it was written. */

const ROWS = 6; // links that are listed; the others are in the table of the page

class Card {
  constructor(root) {
    this.root = root;
    this.hint = root.querySelector(".hint");
    this.read = root.querySelector(".read");
    this.written = root.querySelector(".written");
  }

  sayHint(hint) {
    this.hint.textContent = hint;
  }

  /** `facts` is what is known about the word, or null. */
  fill(facts, labels) {
    this.hint.hidden = Boolean(facts);
    this.read.hidden = !facts;
    this.written.hidden = !facts?.tokens.length;
    if (!facts) return;
    this.fillRead(facts, labels);
    if (facts.tokens.length) this.fillWritten(facts, labels);
  }

  fillRead({ side, word, rows, rest, known }, labels) {
    const name = side === "target" ? "read_from" : "read_by";
    writeTitle(this.read.querySelector("h2"), { template: labels[name], word });
    const nothing = known ? labels[`${name}_none`] : labels.unknown;
    this.read.querySelector(".empty").textContent = rows.length ? "" : nothing;
    const listed = rows.slice(0, ROWS).map((row) => bar({ ...row, share: row.weight }));
    const several = rows.some((row) => row.head); // the rest would be of different heads
    const left = several ? 0 : rest + (side === "target" ? rows.slice(ROWS).reduce((sum, row) => sum + row.weight, 0) : 0);
    if (left >= 0.0005) listed.push(bar({ kind: "rest", word: labels.rest, share: left }));
    this.read.querySelector("ul").replaceChildren(...listed);
  }

  fillWritten({ word, tokens }, labels) {
    writeTitle(this.written.querySelector("h2"), { template: labels.written, word });
    const others = tokens.length === 1 ? ROWS - 1 : tokens.length === 2 ? 2 : 1;
    this.written.querySelector("ul").replaceChildren(...tokens.flatMap((token) => tokenRows(token, others)));
  }
}

const tokenRows = ({ text, probability, others }, count) => [
  bar({ kind: "token", word: visible(text), share: probability }),
  ...others.slice(0, count).map((other) => bar({ kind: "other", word: visible(other.text), share: other.probability })),
];

/** One line: a word, a bar, a share. */
function bar({ kind = "link", word, share, side, index, head }) {
  const row = element("li", head ? `line ${kind} head-${head.number}` : `line ${kind}`);
  const [name, track, length] = [element("span", "name", word), element("span", "track"), element("span", "bar")];
  name.dir = "auto";
  if (head) name.append(" ", element("small", "", head.name));
  name.title = word;
  length.style.setProperty("--share", Math.min(1, share));
  if (!Number.isNaN(share)) track.append(length);
  row.append(name, track, element("span", "number", Number.isNaN(share) ? "–" : percent(share)));
  Object.assign(row.dataset, { testid: "memviz-cross-row", share, ...(side && { side, index }) });
  return row;
}

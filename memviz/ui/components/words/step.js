/* The card of a word that was written: how sure the model was, and what it could have written instead. */

class StepCard {
  constructor(root, onBranch) {
    this.root = root;
    this.title = root.querySelector("h2");
    this.body = root.querySelector(".tokens");
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("button")?.closest(".other");
      if (row) onBranch({ position: Number(row.dataset.position), id: Number(row.dataset.id) });
    });
  }

  fill({ word, steps, labels }) {
    this.root.hidden = !labels.step || word === null;
    if (this.root.hidden) return;
    writeTitle(this.title, { template: labels.step, word });
    const tokens = steps.map((step) => tokenBlock(step, { labels, alone: steps.length === 1 }));
    const below = element("p", steps.length ? "help" : "empty", steps.length ? labels.step_help : labels.step_none);
    this.body.replaceChildren(...tokens, below);
  }
}

/** One token: its numbers, and the likeliest tokens at its place, the written one marked. */
function tokenBlock(step, { labels, alone }) {
  const block = element("div", "token");
  const facts = fillPlaces(labels.facts, {
    probability: percent(step.probability),
    rank: step.rank,
    choices: decimal(step.choices, step.choices < 9.95 ? 1 : 0),
  });
  if (!alone) block.append(element("h3", "", visible(step.text)));
  block.append(element("p", "facts", step.is_given ? `${facts} · ${labels.given}` : facts));
  const list = element("div", "others");
  list.setAttribute("role", "list");
  list.append(...rowsOf(step).map((other) => otherRow(other, step, labels)));
  block.append(list);
  return block;
}

/** The likeliest tokens; the written one stands last where it is not among them. */
function rowsOf({ others, text, id, probability }) {
  return others.some((other) => other[1] === id) ? others : [...others, [text, id, probability]];
}

function otherRow([text, id, probability], step, labels) {
  const isWritten = id === step.id;
  const row = element("div", isWritten ? "other written" : "other");
  row.setAttribute("role", "listitem");
  Object.assign(row.dataset, { testid: "memviz-other", position: step.position, id, probability });
  const name = element(isWritten ? "strong" : "button", "link", spaced(text));
  name.dir = "auto";
  if (!isWritten) Object.assign(name, { type: "button", title: labels.branch });
  const track = element("span", "track");
  const bar = element("span", "bar");
  bar.style.setProperty("--share", Math.min(1, probability));
  track.append(bar);
  row.append(name, track, element("span", "number", percent(probability)));
  return row;
}

/** A token as it is written, its space in front left out: almost every token begins with one. */
const spaced = (text) => visible(/^ \S/.test(text) ? text.slice(1) : text);

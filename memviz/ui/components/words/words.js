/**
 * The text as words: point at one, and see what it remembers and who remembers it.
 *
 * data = {
 *   id                               the component's key
 *   words: [text]
 *   pinned: index or null, turn      `pinned` is followed only when `turn` changes
 *   first: index or null             the word whose links are there to begin with
 *   links                            how many links each word has at most
 *   labels: {name: text}             every word on screen that is not of the text
 *   order                            "excess" or "weight": what the links are ordered by
 *   note                             one line below the cards
 *   opens                            is a head's name a button that opens the head?
 *   legend: [[share, text]]          of a text that was written: the scale of surprise (with `steps` and `surprise`)
 *   steps: [[step]]                  of each word, how its tokens were written, see `Step` in __init__.py
 *   covered: [index] or null, cover_turn   words that are covered: a click covers, and nothing is pinned; null: no such mode
 *   arrays                           one Arrow row of bytes:
 *     flags    uint16 [word]         1 special, 2 a space stands before, 4 a new line begins, 8 an empty line before it;
 *                                    16 times how many columns its line is indented
 *     surprise uint8 [word]          0 given, 1 expected, 255 least expected; only of a text that was written
 *     remembers_*, remembered_by_*   [word, link]; weight 0 is no link
 *       index  uint16, or uint32 in a very long text
 *       weight float32, 0 to 1
 *       lift   float32, NaN is undefined
 *       layer, head  uint8
 *       tint   uint8, how strongly the other word is coloured
 * }
 * A head's name reports setTriggerValue("open", {layer, head, word}).
 * Another token of a written word reports setTriggerValue("branch", {position, id}).
 * A pin or its end reports setStateValue("word", {index, click}); index is null after Escape.
 * A word that is covered or uncovered reports setStateValue("cover", {indices, click}).
 * On each word: data-testid="memviz-word", data-index. On each row of a card: data-index,
 * data-weight, data-lift (every digit), data-head. On the outer element: data-shown, data-drawn.
 */

const SPECIAL = 1;
const SPACE = 2;
const LINE = 4;
const EMPTY_LINE = 8;
const COLUMN = 16;
const LETTERS = 12; // of a word that takes the room of two usual ones
const views = new WeakMap();
const pins = new Map(); // id -> {turn, index}: a pin outlives the element that showed it

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".memviz.words");
  if (!views.has(root)) views.set(root, new Words(root));
  const view = views.get(root);
  view.report = (word) => setStateValue("word", word);
  view.open = (head) => setTriggerValue("open", head);
  view.branch = (token) => setTriggerValue("branch", token);
  view.reportCover = (cover) => setStateValue("cover", cover);
  view.update(data);
}

class Words {
  spans = [];
  marks = [];
  spotlight = null; // the word that the cards are about now
  pinned = null;
  turn = null;
  current = 0; // the one word that Tab reaches

  constructor(root) {
    this.root = root;
    this.text = root.querySelector(".text");
    this.cover = new Cover(this);
    this.cards = {
      remembers: new Card(root.querySelector(".remembers"), this.actions()),
      remembered_by: new Card(root.querySelector(".remembered-by"), this.actions()),
    };
    this.step = new StepCard(root.querySelector(".step"), (token) => this.branch(token));
    this.listen();
  }

  /** What a card may ask for: another word, or a head in full. */
  actions() {
    const onOpen = ({ layer, column }) => this.open({ layer: Number(layer), head: Number(column), word: this.spotlight });
    return { onJump: (index) => this.jump(index), onOpen };
  }

  listen() {
    const { text, root } = this;
    text.addEventListener("pointerover", (event) => this.preview(indexOf(event.target)));
    text.addEventListener("focusin", (event) => this.arrive(indexOf(event.target)));
    text.addEventListener("click", (event) => this.toggle(indexOf(event.target)));
    text.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("keydown", (event) => event.key === "Escape" && this.release());
  }

  /** New data: the same element; the words are built again only if they are others. */
  update(data) {
    const flags = array(data.arrays, "flags", Uint16Array);
    for (const card of Object.values(this.cards)) card.letOpen(Boolean(data.opens));
    const same = this.data && sameList(data.words, this.data.words) && sameList(flags, this.flags);
    Object.assign(this, { data, flags });
    this.surprise = data.legend ? array(data.arrays, "surprise", Uint8Array) : null;
    this.root.classList.toggle("tinted", Boolean(data.legend));
    this.links = { remembers: readLinks(data, "remembers"), remembered_by: readLinks(data, "remembered_by") };
    this.sayWords();
    if (!same) this.build();
    this.colours = readColours(this.root);
    if (this.surprise) this.spans.forEach((span) => this.rest(span));
    this.follow(data);
    this.cover.follow(data);
    if (!same) this.revealWritten();
    const before = same && !this.surprise ? this.spotlight : (data.first ?? null);
    this.show(this.pinned ?? before);
    this.root.dataset.drawn = "true";
  }

  follow({ id, turn, pinned }) {
    if (turn === this.turn) return;
    const before = pins.get(id);
    this.turn = turn;
    this.press(before?.turn === turn ? before.index : pinned);
    this.reveal(this.pinned);
  }

  /** In a text that scrolls, bring a word into sight; the page itself stays where it is. */
  reveal(index) {
    if (index === null) return;
    const top = this.spans[index].getBoundingClientRect().top - this.text.getBoundingClientRect().top;
    if (top < 0 || top > this.text.clientHeight - 40) this.text.scrollTop += top - this.text.clientHeight / 3;
  }

  /** In a text that was written, bring into sight where what the model wrote begins, unless a word is pinned. */
  revealWritten() {
    const index = this.surprise && this.pinned === null ? this.surprise.findIndex((surprise) => surprise > 0) : -1;
    if (index >= 0) this.reveal(index);
  }

  sayWords() {
    const { root, text, data } = this;
    text.setAttribute("aria-label", data.labels.text);
    root.querySelector(".hint").textContent = data.labels.hint;
    root.querySelector(".note").textContent = data.note;
    root.style.setProperty("--rows", data.links);
    for (const card of Object.values(this.cards)) card.sayColumns(data);
    this.names = distinctNames(data.words);
    root.querySelector(".terms").replaceChildren(...terms(data, this.names));
    writeLegend(root.querySelector(".legend"), data);
  }

  build() {
    const { data, flags, root, text } = this;
    Object.assign(this, { marks: [], spotlight: null, pinned: null, turn: null, current: 0 });
    this.cover.turn = null;
    this.spans = data.words.map((word, i) => wordSpan(word, { index: i, flags }));
    const lines = document.createDocumentFragment();
    let line = null;
    this.spans.forEach((span, i) => {
      if (!line || flags[i] & LINE) line = newLine(lines, { empty: flags[i] & EMPTY_LINE, columns: Math.floor(flags[i] / COLUMN) });
      else if (flags[i] & SPACE) line.append(" ");
      line.append(span);
    });
    text.replaceChildren(lines);
    root.dataset.length = lengthName(data.words);
    if (this.spans.length) this.spans[0].tabIndex = 0;
  }

  /** Where words are tinted by their surprise, only a click takes the tints away. */
  preview(index) {
    if (this.surprise) return;
    if (index !== null && this.pinned === null && index !== this.spotlight) this.show(index);
  }

  /** The keyboard reached a word. */
  arrive(index) {
    if (index === null) return;
    this.spans[this.current].tabIndex = -1;
    this.spans[index].tabIndex = 0;
    this.current = index;
    this.preview(index);
    this.say(index);
  }

  /** Escape lets go of what is pinned, or of all that is covered. */
  release() {
    if (this.data.covered) this.cover.set([]);
    else this.pin(null);
  }

  toggle(index) {
    if (index === null) return;
    if (this.data.covered) {
      this.cover.toggle(index);
      return;
    }
    this.pin(index === this.pinned ? null : index);
    if (this.pinned !== null) bringIntoSight(this.cards.remembers.root);
  }

  /** A person pins a word, or lets go: shown here, and told to Python. */
  pin(index) {
    if (index === this.pinned) return;
    this.press(index);
    this.show(index ?? (this.surprise ? null : this.spotlight));
    pins.set(this.data.id, { turn: this.turn, index });
    this.report({ index, click: Date.now() });
  }

  press(index) {
    this.spans[this.pinned]?.setAttribute("aria-pressed", "false");
    this.spans[index]?.setAttribute("aria-pressed", "true");
    this.pinned = this.spans[index] ? index : null;
  }

  /** A word in a card was clicked: go there. */
  jump(index) {
    this.pin(index);
    this.spans[index].scrollIntoView({ block: "nearest" });
    this.spans[index].focus({ preventScroll: true }); // the row that was clicked is gone
    this.say(index);
  }

  /** Tint the sources blue and the readers orange, fill the cards. At most 16 words change. */
  show(index) {
    this.marks.forEach(unmark);
    if (this.surprise) this.marks.forEach((span) => this.rest(span));
    this.spotlight = index;
    this.step.fill({ word: index === null ? null : this.names[index], steps: this.data.steps?.[index], labels: this.data.labels });
    if (index === null) this.root.removeAttribute("data-shown");
    else this.root.setAttribute("data-shown", index);
    const remembers = index === null ? [] : this.links.remembers(index);
    const readers = index === null ? [] : this.links.remembered_by(index);
    this.marks = this.mark({ index, remembers, readers });
    this.fill("remembers", { index, links: remembers });
    this.fill("remembered_by", { index, links: readers });
  }

  /** A word as it stands while none is pinned: the less it was expected, the stronger its tint. */
  rest(span) {
    const surprise = this.surprise[Number(span.dataset.index)];
    span.classList.toggle("written", surprise > 0);
    if (surprise > 0) tintBySurprise(span, { share: (surprise - 1) / 254, colours: this.colours });
  }

  mark({ index, remembers, readers }) {
    const sources = strongestTints(remembers);
    const lookers = strongestTints(readers);
    const words = new Set([...sources.keys(), ...lookers.keys()]);
    for (const i of words) paint(this.spans[i], { blue: sources.get(i), orange: lookers.get(i), colours: this.colours });
    if (index === null) return [];
    this.spans[index].classList.add("shown");
    return [...words.add(index)].map((i) => this.spans[i]);
  }

  fill(name, { index, links }) {
    const word = index === null ? null : this.names[index];
    const rows = links.map((link) => ({ ...link, word: this.names[link.index] }));
    this.cards[name].fill({ word, rows, name, labels: this.data.labels });
  }

  /** What a screen reader hears: the strongest link in words. */
  say(index) {
    const [top] = this.links.remembers(index);
    const { announce, announce_none } = this.data.labels;
    const values = { word: this.names[index] };
    if (top) Object.assign(values, { top: this.names[top.index], weight: percent(top.weight), head: headName(top.layer, top.head) });
    this.root.querySelector(".spoken").textContent = fillPlaces(top ? announce : announce_none, values);
  }

  key(event) {
    const index = indexOf(event.target);
    if (index === null) return;
    const target = this.target(event.key, index);
    if (event.key === "Enter" || event.key === " ") this.toggle(index);
    else if (target === undefined) return;
    else this.spans[target]?.focus();
    event.preventDefault();
  }

  /** The word a key leads to; undefined for any other key. In right-to-left lines, left is onward. */
  target(key, index) {
    const onward = getComputedStyle(this.spans[index].parentElement).direction === "rtl" ? -1 : 1;
    const moves = {
      ArrowRight: () => index + onward,
      ArrowLeft: () => index - onward,
      ArrowDown: () => this.beyond(index, 1),
      ArrowUp: () => this.beyond(index, -1),
      Home: () => 0,
      End: () => this.spans.length - 1,
    };
    return moves[key]?.();
  }

  /** The word above (-1) or below (1): nearest in the next line as it is laid out. */
  beyond(index, step) {
    const here = middle(this.spans[index]);
    const height = this.spans[index].getClientRects()[0].height;
    let line = null;
    let best = index;
    for (let i = index + step; i >= 0 && i < this.spans.length; i += step) {
      const there = middle(this.spans[i]);
      if (Math.abs(there.y - here.y) < height / 2) continue;
      line ??= there.y;
      if (Math.abs(there.y - line) > height / 2) break;
      if (best === index || Math.abs(there.x - here.x) < Math.abs(middle(this.spans[best]).x - here.x)) best = i;
    }
    return best;
  }
}

/** The words as they are written; those that occur several times with their place: the #5. */
function distinctNames(words) {
  const texts = words.map(visible);
  const counts = new Map();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return texts.map((text, i) => (counts.get(text) > 1 ? `${text} #${i}` : text));
}

/** What the columns of the cards mean, in words that stand on the page. */
function terms({ words, labels, order }, names) {
  const keys = [["weight"], ["lift"], ["head"]];
  if (order === "excess") keys.unshift(["order", "order_excess_help"]);
  if (names.some((text, i) => text !== visible(words[i]))) keys.push(["place"]);
  return keys.map(([term, meaning = `${term}_help`]) => {
    const entry = element("div");
    entry.append(element("dt", "", labels[term]), element("dd", "", labels[meaning]));
    return entry;
  });
}

function wordSpan(word, { index, flags }) {
  const span = element("span", "word", visible(word));
  const joins = (i) => i > 0 && i < flags.length && !(flags[i] & (SPACE | LINE));
  span.classList.toggle("joined-before", joins(index));
  span.classList.toggle("joined-after", joins(index + 1));
  if (flags[index] & SPECIAL) {
    span.classList.add("special");
    span.dir = "ltr"; // and so it does not decide the direction of its line
  }
  span.tabIndex = -1;
  span.dataset.testid = "memviz-word";
  span.dataset.index = index;
  span.setAttribute("role", "button");
  span.setAttribute("aria-pressed", "false");
  return span;
}

/** A line of the text, indented as it is written; above it an empty one where the text has one. */
function newLine(lines, { empty, columns }) {
  if (empty) lines.append(element("p"));
  const line = element("p");
  line.dir = "auto";
  if (columns) line.style.paddingInlineStart = `${columns}ch`;
  lines.append(line);
  return line;
}

const indexOf = (target) => {
  const word = target.closest?.("[data-testid=memviz-word]");
  return word ? Number(word.dataset.index) : null;
};

const middle = (span) => {
  const box = span.getClientRects()[0];
  return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
};

/** How large the words are drawn: by how many there are, or by their letters where these are many for so few words. */
function lengthName(words) {
  const letters = words.reduce((sum, word) => sum + word.length, 0);
  const count = Math.max(words.length, letters / LETTERS);
  return count <= 80 ? "short" : count <= 300 ? "medium" : "long";
}

/** A function from a word to its links, strongest first. */
function readLinks({ arrays, words, links }, name) {
  const size = arrays.getChild(`${name}_index`).get(0).length / Math.max(1, words.length * links);
  const index = array(arrays, `${name}_index`, size > 2 ? Uint32Array : Uint16Array);
  const [weight, lift] = ["weight", "lift"].map((part) => array(arrays, `${name}_${part}`, Float32Array));
  const [layer, head, tint] = ["layer", "head", "tint"].map((part) => array(arrays, `${name}_${part}`, Uint8Array));
  const parts = { index, weight, lift, layer, head, tint };
  const link = (i) => Object.fromEntries(Object.entries(parts).map(([part, values]) => [part, values[i]]));
  return (word) => Array.from({ length: links }, (_, i) => link(word * links + i)).filter(({ weight: w }) => w > 0);
}

/**
 * Two rows of words, the source above and the translation below, joined by links: the heavier, the wider.
 *
 * data = {
 *   id                                the component's key
 *   sources: [text], targets: [text]  the words
 *   names: {source: {index: name}, target}  of those that are called otherwise in the card: "the #5"
 *   pinned: {side, index} or null, turn   `pinned` is followed only when `turn` changes
 *   rtl: {source, target}             does the row run from the right?
 *   steps                             can the writing be watched?
 *   facing                            always in columns, and the targets on the left
 *   heads: [name]                     of several heads that are laid over each other; empty for one
 *   tokens: [text]                    the tokens of all target words, one after the other
 *   others: [[text]]                  for each of them, what else could have been written, likeliest first
 *   labels: {name: text}              every word on screen that is not of the texts
 *   note                              one line below
 *   arrays                            one Arrow row of bytes:
 *     index   uint32  [target, link]  the source word, strongest first
 *     weight  float32 [target, link]  0 is no link
 *     head    uint8   [target, link]  which of the heads; only where there are several
 *     rest    float32 [target]        what all that is not drawn sums to
 *     known   uint8   [target]        0: nothing is known about this word
 *     source_special, target_special  uint8, 1 for </s> and its like
 *     source_forgotten                uint8, 1 for a word that may not be read: struck through
 *     token_count       uint16  [target]
 *     probability       float32 [token], NaN is unknown
 *     other_probability float32, in the order of `others`
 * }
 * A pin or its end reports setStateValue("word", {side, index, click}); side and index are null after Escape.
 * On each word: data-testid="memviz-cross-word", data-side, data-index. On each link: data-testid="memviz-cross-link",
 * data-source, data-target, data-weight (every digit); those of the word that is shown are drawn once more in
 * "memviz-cross-own". On the outer element: data-shown="target 1", data-step="3" while the writing is watched,
 * data-layout="rows" or "columns", data-drawn.
 */

const OTHER = { source: "target", target: "source" };
const views = new WeakMap();
const pins = new Map(); // id -> {turn, pin}: a pin outlives the element that showed it

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".memviz.cross");
  if (!views.has(root)) views.set(root, new Cross(root));
  const view = views.get(root);
  view.report = (word) => setStateValue("word", word);
  view.update(data);
  return () => view.leave();
}

class Cross {
  words = { source: [], target: [] };
  pinned = null; // each a spot: {side, index}
  pointed = null;
  focused = null;
  spotlight = null; // the word that the picture is about now
  current = null; // the one word that Tab reaches
  marks = [];
  turn = null;

  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(name);
    this.picture = find(".picture");
    this.rows = { source: find(".row.source"), target: find(".row.target") };
    this.threads = { all: find("svg.all"), spotlight: find("svg.own"), marks: find(".marks") };
    this.card = new Card(find(".details"));
    this.stepper = new Stepper(find(".steps"), (step) => this.stepTo(step));
    this.watch = new ResizeObserver(() => this.resize());
    this.listen();
    document.fonts?.ready.then(() => this.data && this.arrange());
  }

  listen() {
    const { picture, root } = this;
    picture.addEventListener("pointerover", (event) => this.point(spotOf(event.target)));
    picture.addEventListener("pointerleave", () => this.point(null));
    picture.addEventListener("focusin", (event) => this.arrive(event.target));
    picture.addEventListener("focusout", () => this.depart());
    picture.addEventListener("click", (event) => this.toggle(spotOf(event.target)));
    picture.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("keydown", (event) => event.key === "Escape" && this.letGo());
  }

  leave() {
    this.watch.disconnect();
    this.stepper.pause();
  }

  /** New data: the same element; the words are built again only if they are others. */
  update(data) {
    const special = specials(data);
    const same = this.data && ["sources", "targets"].every((name) => sameList(data[name], this.data[name]));
    const forgotten = array(data.arrays, "source_forgotten", Uint8Array);
    const alike =
      same &&
      ["source", "target"].every((side) => sameList(special[side], this.special[side])) &&
      sameList(forgotten, this.forgotten);
    Object.assign(this, { data, special, forgotten, links: readLinks(data), rest: array(data.arrays, "rest", Float32Array) });
    this.known = array(data.arrays, "known", Uint8Array);
    this.tokens = readTokens(data);
    if (!alike) this.build();
    this.sayWords();
    this.follow(data);
    this.arrange();
    this.watch.observe(this.root);
    this.root.dataset.drawn = "true";
  }

  follow({ id, turn, pinned }) {
    if (turn === this.turn) return;
    const before = pins.get(id);
    this.turn = turn;
    this.press(before?.turn === turn ? before.pin : pinned);
    if (this.pinned) this.stepper.go(null);
  }

  sayWords() {
    const { root, data, rows } = this;
    for (const [side, row] of Object.entries(rows)) {
      row.setAttribute("aria-label", data.labels[side]);
      row.dir = data.rtl[side] ? "rtl" : "ltr";
    }
    this.words.target.forEach((word, i) => word.classList.toggle("unknown", !this.known[i]));
    root.querySelector(".note").textContent = data.note;
    root.classList.toggle("facing", data.facing);
    root.classList.toggle("several", data.heads.length > 0);
    root.querySelector(".legend").replaceChildren(...data.heads.map((name, head) => element("li", `head-${head}`, name)));
    this.card.sayHint(data.labels.hint);
    this.stepper.update({ count: data.targets.length, labels: data.labels, hidden: !data.steps });
  }

  build() {
    Object.assign(this, { pinned: null, pointed: null, focused: null, spotlight: null, marks: [], turn: null });
    this.stepper.reset();
    delete this.root.dataset.step;
    for (const [side, texts] of [["source", this.data.sources], ["target", this.data.targets]]) {
      this.words[side] = texts.map((text, index) => wordSpan({ text, side, index, special: this.special[side][index] }));
      this.rows[side].replaceChildren(...this.words[side]);
    }
    this.words.source.forEach((word, index) => this.forgotten[index] && strike(word, this.data));
    this.reach(this.words.target.length ? { side: "target", index: 0 } : null);
  }

  resize() {
    if (this.data && this.root.clientWidth !== this.width) this.arrange();
  }

  /** Rows or columns, how large, where is each word? Then draw. */
  arrange() {
    this.width = this.root.clientWidth;
    if (!this.width) return;
    this.spots = layOut(this);
    this.threads.all.replaceChildren(...this.data.targets.map((_, target) => this.threadsOf(target)));
    this.show();
  }

  threadsOf(target) {
    const group = svg("g");
    group.append(...this.links.target[target].map((link) => this.thread(link, "memviz-cross-link")));
    group.classList.toggle("later", !this.isWritten(target));
    return group;
  }

  thread(link, testid) {
    const muted = this.special.source[link.source] || this.special.target[link.target];
    const beside = (link.head - (this.data.heads.length - 1) / 2) * BESIDE;
    return thread(link, { spots: this.spots, layout: this.root.dataset.layout, muted, testid, beside });
  }

  isWritten(target) {
    return this.stepper.step === null || target < this.stepper.step;
  }

  /** The writing goes to this word, or (null) to its end. */
  stepTo(step) {
    const { root, words, threads } = this;
    if (step === null) delete root.dataset.step;
    else root.dataset.step = step;
    words.target.forEach((word, i) => word.classList.toggle("later", !this.isWritten(i)));
    [...threads.all.children].forEach((group, i) => group.classList.toggle("later", !this.isWritten(i)));
    this.pointed = null;
    if (step !== null) this.pin(null);
    if (step !== null) this.reach({ side: "target", index: step - 1 });
    this.show();
    if (step !== null && !this.stepper.playing) this.say(this.stepSpot());
  }

  stepSpot() {
    const { step } = this.stepper;
    return step === null ? null : { side: "target", index: step - 1 };
  }

  point(spot) {
    this.pointed = spot ?? this.focused;
    this.preview();
  }

  /** The keyboard reached a word. */
  arrive(target) {
    const spot = spotOf(target);
    if (!spot) return;
    this.reach(spot);
    this.focused = target.matches(":focus-visible") ? spot : null;
    if (!this.focused) return;
    this.point(spot);
    this.say(spot);
  }

  depart() {
    this.focused = null;
    this.point(null);
  }

  reach(spot) {
    if (this.current) this.at(this.current)?.setAttribute("tabindex", -1);
    if (spot) this.at(spot).tabIndex = 0;
    this.current = spot;
  }

  at({ side, index }) {
    return this.words[side][index];
  }

  toggle(spot) {
    if (!spot) return;
    this.stepper.pause();
    this.pin(sameSpot(spot, this.pinned) ? null : spot);
    if (this.pinned) bringIntoSight(this.card.root);
  }

  /** A person pins a word, or lets go: shown here, and told to Python. */
  pin(spot) {
    if (sameSpot(spot, this.pinned)) return;
    this.press(spot);
    this.preview();
    pins.set(this.data.id, { turn: this.turn, pin: spot });
    this.report({ side: spot?.side ?? null, index: spot?.index ?? null, click: Date.now() });
  }

  press(spot) {
    if (this.pinned) this.at(this.pinned)?.setAttribute("aria-pressed", "false");
    this.pinned = spot && this.at(spot) ? spot : null;
    if (this.pinned) this.at(this.pinned).setAttribute("aria-pressed", "true");
  }

  /** Escape: first the pin, then the step. */
  letGo() {
    if (this.pinned) this.pin(null);
    else this.stepper.go(null);
  }

  preview() {
    if (!sameSpot(this.toShow(), this.spotlight)) this.show();
  }

  toShow() {
    return this.pinned ?? this.pointed ?? this.stepSpot();
  }

  /** One word with its links, the others fade; or, without a word, the whole. */
  show() {
    const spot = this.toShow();
    this.spotlight = spot;
    const links = spot ? this.links[spot.side][spot.index].filter(({ target }) => this.isWritten(target)) : [];
    this.tell(spot);
    this.threads.spotlight.replaceChildren(...links.map((link) => this.thread(link, "memviz-cross-own-link")));
    this.mark(spot, links);
    this.card.fill(spot && factsOf(this, spot, links), this.data.labels);
  }

  /** The style sheet reads the two classes: they change rarely, and only then all words are looked at. */
  tell(spot) {
    const { root } = this;
    root.classList.toggle("isolating", Boolean(spot));
    if (spot) root.classList.toggle("from-source", spot.side === "source");
    if (spot) root.setAttribute("data-shown", `${spot.side} ${spot.index}`);
    else root.removeAttribute("data-shown");
  }

  mark(spot, links) {
    this.marks.forEach(unmark);
    this.marks = spot ? [this.at(spot), ...links.map((link) => this.at(otherEnd(link, spot)))] : [];
    if (spot) this.at(spot).classList.add("shown");
    for (const link of links) joinTo(this.at(otherEnd(link, spot)), link.weight);
    const marks = links.map((link) => ({ ...otherEnd(link, spot), weight: link.weight, head: link.head }));
    const { spots, root, data } = this;
    const { layout } = root.dataset;
    this.threads.marks.replaceChildren(...weightMarks(marks, { spots, layout, facing: data.facing }));
  }

  /** What a screen reader hears: the strongest link in words. */
  say(spot) {
    const [top] = this.links[spot.side][spot.index].filter(({ target }) => this.isWritten(target));
    this.root.querySelector(".spoken").textContent = sentence(this, spot, top);
  }

  key(event) {
    const spot = spotOf(event.target);
    if (!spot) return;
    if (event.key === "Enter" || event.key === " ") this.toggle(spot);
    else if (MOVES.includes(event.key)) this.goal(event.key, spot)?.focus();
    else return;
    event.preventDefault();
  }

  /** The word a key leads to: along its row, or across to the word it is most joined to. */
  goal(key, spot) {
    const { side, index } = spot;
    const along = stepAlong(key, { layout: this.root.dataset.layout, rtl: this.data.rtl[side] });
    const visibleWords = this.words[side].filter((word) => !word.classList.contains("later"));
    if (key === "Home") return visibleWords[0];
    if (key === "End") return visibleWords.at(-1);
    if (along) return visibleWords[index + along];
    if (!leadsAcross(key, { layout: this.root.dataset.layout, side, facing: this.data.facing })) return undefined;
    const top = this.links[side][index].find(({ target }) => this.isWritten(target));
    return top && this.at(otherEnd(top, spot));
  }
}

/**
 * The grid of heads: one small picture for each attention head, all on one canvas.
 *
 * data = {
 *   id                                the component's key
 *   shape: {layers, heads, rows, columns}
 *   selected: [layer, head], turn     `selected` is followed only when `turn` changes
 *   marked: [index]                   heads that are crossed out, layer * heads + head
 *   keys: {scores: [name], roles: [name]}   the same as Python calls them
 *   order, role, arrangedTurn         of these keys, "" for none: how the grid stands; followed only when the turn changes
 *   roles: [name], scores: [name]     as they are shown
 *   labels: {name: text}              every other word on screen
 *   note                              what the colours mean
 *   arrays                            one Arrow row of bytes:
 *     weights  uint8   [layer, head, row, column]   square root of the weight, 0 to 255
 *     role     uint8   [layer, head]                r is roles[r - 1]
 *     score    float32 [score, layer, head]         NaN is undefined
 * }
 * A click or Enter reports setStateValue("head", {layer, head, click}); another order or role
 * setStateValue("arranged", {order, role, click}).
 * On the outer element: data-selected="L5.H11", data-drawn="true",
 * data-drawing (how often new data was drawn); on .plane: data-columns and
 * data-pitch="x y", the distance from tile to tile in pixels.
 */

const POSITION = -1; // the order that is no score

const grids = new WeakMap();
const choices = new Map(); // id -> {turn, index}: a choice outlives the element that showed it
const arrangements = new Map(); // id -> {turn, order, role}: and so does an order

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".memviz.grid");
  if (!grids.has(root)) grids.set(root, new Grid(root));
  const grid = grids.get(root);
  grid.report = (head) => setStateValue("head", head);
  grid.tell = (arrangement) => setStateValue("arranged", { ...arrangement, click: Date.now() });
  grid.update(data);
  return () => grid.leave();
}

class Grid {
  order = POSITION;
  role = 0;
  width = 0;
  turn = null;
  drawings = 0; // how often new data came

  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(name);
    this.view = find(".view");
    this.plane = find(".plane");
    this.canvas = find("canvas");
    this.frames = { selected: find(".selected"), cursor: find(".cursor"), hovered: find(".hovered") };
    this.tip = find(".tip");
    this.listen();
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(root);
  }

  listen() {
    const { view, plane, root } = this;
    plane.addEventListener("pointermove", (event) => this.hover(this.at(event)));
    plane.addEventListener("pointerleave", () => this.hover(null));
    plane.addEventListener("click", (event) => this.choose(this.at(event)));
    view.addEventListener("scroll", () => this.scroll(), { passive: true });
    view.addEventListener("focus", () => this.enter());
    view.addEventListener("keydown", (event) => this.key(event));
    root.querySelector(".chips").addEventListener("click", (event) => this.filter(event.target.closest("button")));
    root.querySelector("select").addEventListener("change", (event) => this.sort(Number(event.target.value)));
  }

  leave() {
    this.watch.disconnect();
  }

  /** New data: the same element, the same order and filter, new pictures. */
  update(data) {
    const before = this.arrangementFor(data);
    const cursor = this.layout?.order[this.cursor];
    this.data = data;
    this.drawings += 1;
    this.weights = array(data.arrays, "weights", Uint8Array);
    this.roles = array(data.arrays, "role", Uint8Array);
    this.scores = array(data.arrays, "score", Float32Array);
    this.order = data.keys.scores.indexOf(before.order);
    this.role = data.keys.roles.indexOf(before.role) + 1;
    const moves = this.follow(data);
    this.sayWords();
    this.arrange({ cursor: moves ? undefined : cursor });
    if (moves && this.layout) this.reveal();
  }

  /** The order and the role by their names: the roles of another text are others. */
  arrangement() {
    const { scores, roles } = this.data.keys;
    return { order: scores[this.order] ?? "", role: roles[this.role - 1] ?? "" };
  }

  /** How the grid stands with this data: as the page says in a new turn, else as the person left it. */
  arrangementFor({ id, arrangedTurn, order, role }) {
    const before = arrangements.get(id);
    const isNew = this.arrangedTurn !== arrangedTurn;
    this.arrangedTurn = arrangedTurn;
    if (!isNew && this.data) return this.arrangement();
    return before?.turn === arrangedTurn ? before : { order, role };
  }

  tellArrangement() {
    arrangements.set(this.data.id, { turn: this.arrangedTurn, ...this.arrangement() });
    this.tell(this.arrangement());
  }

  follow({ id, turn, selected: [layer, head], shape }) {
    if (turn === this.turn) return false;
    const before = choices.get(id);
    this.selected = before?.turn === turn ? before.index : layer * shape.heads + head;
    this.turn = turn;
    return true;
  }

  sayWords() {
    const { data, root } = this;
    const { layers, heads } = data.shape;
    this.view.setAttribute("aria-label", fillPlaces(data.labels.heads, { layers, heads }));
    root.querySelector(".range").textContent = data.note;
    root.querySelector(".scale").hidden = !data.note;
    root.querySelector(".order span").textContent = data.labels.order;
    root.querySelector(".order").hidden = !data.scores.length;
    this.sayOrders();
    this.sayRoles();
  }

  sayOrders() {
    const orders = [[POSITION, this.data.labels.position], ...this.data.scores.entries()];
    const options = orders.map(([value, name]) => new Option(name, value, false, value === this.order));
    this.root.querySelector("select").replaceChildren(...options);
  }

  sayRoles() {
    const chips = this.root.querySelector(".chips");
    const counts = this.data.roles.map((_, i) => this.roles.filter((role) => role === i + 1).length);
    const order = [...counts.keys()].filter((i) => counts[i]);
    const focused = chips.getRootNode().activeElement?.dataset?.role;
    chips.setAttribute("aria-label", this.data.labels.roles);
    chips.replaceChildren(...order.map((i) => this.chip(i + 1, counts[i])));
    chips.hidden = !order.length;
    if (focused) chips.querySelector(`[data-role="${focused}"]`)?.focus();
  }

  chip(role, count) {
    const chip = element("button", "", this.data.roles[role - 1]);
    chip.type = "button";
    chip.dataset.testid = "memviz-grid-role";
    chip.dataset.role = role;
    chip.setAttribute("aria-pressed", String(role === this.role));
    chip.append(" ", element("b", "", String(count)));
    return chip;
  }

  filter(chip) {
    if (!chip) return;
    const role = Number(chip.dataset.role);
    this.role = role === this.role ? 0 : role;
    for (const each of this.root.querySelectorAll(".chips button")) {
      each.setAttribute("aria-pressed", String(Number(each.dataset.role) === this.role));
    }
    this.draw();
    this.tellArrangement();
  }

  sort(order) {
    this.order = order;
    this.arrange();
    this.view.scrollTo(0, 0);
    this.tellArrangement();
  }

  resize() {
    if (this.data && this.root.clientWidth !== this.width) this.arrange({ cursor: this.layout?.order[this.cursor] });
  }

  /** Where does each tile go? Then draw. The keyboard stays at the head `cursor`, else it goes to the chosen one. */
  arrange({ cursor = this.selected } = {}) {
    this.width = this.root.clientWidth;
    if (!this.width) return;
    const { shape } = this.data;
    const byScore = this.order !== POSITION;
    const size = byScore ? { width: this.width, rows: 1, columns: 12, labels: 0 } : gridRoom(shape, this.width);
    const tile = tileSize(shape, size);
    this.layout = byScore ? sortedLayout(this, tile) : positionLayout(shape, tile);
    this.view.classList.toggle("sorted", byScore);
    this.axis(".rows", byScore ? [] : Array.from({ length: shape.layers }, (_, i) => `L${i}`));
    this.axis(".columns", byScore ? [] : Array.from({ length: shape.heads }, (_, i) => `H${i}`));
    this.measure();
    this.draw();
    this.place(cursor);
    this.scroll();
  }

  axis(name, texts) {
    this.root.querySelector(name).replaceChildren(...texts.map((text) => element("span", "", text)));
  }

  measure() {
    const { tile, pitchX, pitchY, gaps, columns } = this.layout;
    this.plane.dataset.columns = columns;
    this.plane.dataset.pitch = `${pitchX} ${pitchY}`;
    this.view.style.setProperty("--pitch-x", `${pitchX}px`);
    this.view.style.setProperty("--pitch-y", `${pitchY}px`);
    this.view.style.setProperty("--gap-x", `${gaps[0]}px`);
    this.view.style.setProperty("--gap-y", `${gaps[1]}px`);
    for (const frame of Object.values(this.frames)) {
      frame.style.width = `${tile.width}px`;
      frame.style.height = `${tile.height}px`;
    }
  }

  draw() {
    if (!this.layout) return;
    const { order, width, height, tile, ratio } = this.layout;
    sizeCanvas(this.canvas, { width, height, ratio });
    const pen = this.canvas.getContext("2d");
    pen.imageSmoothingEnabled = false;
    const atlas = paintAtlas(this);
    order.forEach((index, position) => {
      const { x, y } = this.spot(position);
      pen.globalAlpha = this.role && this.roles[index] !== this.role ? 0.13 : 1;
      const target = [x, y, tile.width, tile.height].map((length) => Math.round(length * ratio));
      pen.drawImage(atlas, ...source(this.data.shape, tile, index), ...target);
      if (this.data.marked.includes(index)) this.crossOut(pen, target);
      if (this.order !== POSITION) this.caption(pen, index, { x, y });
    });
    pen.globalAlpha = 1;
    this.root.dataset.drawn = "true";
    this.root.dataset.drawing = String(this.drawings);
  }

  /** A marked head: a veil, and two strokes over it. */
  crossOut(pen, [left, top, width, height]) {
    const { root, layout } = this;
    pen.fillStyle = `rgba(${rgb(root, "var(--paper)")}, 0.6)`;
    pen.fillRect(left, top, width, height);
    pen.strokeStyle = `rgb(${rgb(root, "var(--orange)")})`;
    pen.lineWidth = 2.5 * layout.ratio;
    pen.beginPath();
    pen.moveTo(left, top);
    pen.lineTo(left + width, top + height);
    pen.moveTo(left + width, top);
    pen.lineTo(left, top + height);
    pen.stroke();
  }

  /** Above a sorted tile: its name, and the score it was sorted by. */
  caption(pen, index, { x, y }) {
    const { ratio, font } = this.layout;
    pen.font = `${12 * ratio}px ${font}`;
    pen.textBaseline = "alphabetic";
    pen.fillStyle = this.layout.ink;
    pen.fillText(this.name(index), x * ratio, (y - 19) * ratio);
    pen.fillStyle = this.layout.muted;
    pen.fillText(scoreText(this.score(this.order, index)), x * ratio, (y - 5) * ratio);
  }

  /** Top left corner of the tile at this position. */
  spot(position) {
    const { columns, pitchX, pitchY, top } = this.layout;
    return { x: (position % columns) * pitchX, y: Math.floor(position / columns) * pitchY + top };
  }

  /** Which position is under the pointer? */
  at(event) {
    const box = this.plane.getBoundingClientRect();
    const { columns, pitchX, pitchY, order } = this.layout;
    const column = Math.floor((event.clientX - box.left) / pitchX);
    const position = Math.floor((event.clientY - box.top) / pitchY) * columns + column;
    return column >= 0 && column < columns && position >= 0 && position < order.length ? position : null;
  }

  move(frame, position) {
    frame.hidden = position === null || position < 0;
    if (frame.hidden) return;
    const { x, y } = this.spot(position);
    frame.style.transform = `translate(${x}px, ${y}px)`;
  }

  /** Frames and words follow the choice. */
  place(cursor = this.selected) {
    const position = this.layout.order.indexOf(this.selected);
    this.root.dataset.selected = this.name(this.selected);
    this.move(this.frames.selected, position);
    this.move(this.frames.hovered, null);
    this.moveTo(this.layout.order.indexOf(cursor), { scroll: false });
  }

  moveTo(position, { scroll = true } = {}) {
    this.cursor = Math.max(0, position);
    this.move(this.frames.cursor, this.cursor);
    if (scroll) this.frames.cursor.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.say(this.layout.order[this.cursor]);
  }

  choose(position) {
    if (position === null) return;
    this.selected = this.layout.order[position];
    choices.set(this.data.id, { turn: this.turn, index: this.selected });
    this.place();
    this.report({ ...this.whereIs(this.selected), click: Date.now() });
    const detail = document.querySelector(".st-key-detail");
    if (detail) bringIntoSight(detail);
  }

  key(event) {
    const { order, columns } = this.layout;
    const last = order.length - 1;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    const ends = { Home: 0, End: last };
    if (event.key === "Enter" || event.key === " ") this.choose(this.cursor);
    else if (event.key in ends) this.moveTo(ends[event.key]);
    else if (event.key in steps) this.step(this.cursor + steps[event.key], last);
    else return;
    event.preventDefault();
  }

  scroll() {
    this.hover(null);
    this.view.classList.toggle("more", this.view.scrollLeft + this.view.clientWidth < this.view.scrollWidth - 2);
  }

  /** Bring the chosen head into sight inside the grid; the page itself stays where it is. */
  reveal() {
    const { view, layout } = this;
    const { x, y } = this.spot(layout.order.indexOf(this.selected));
    const [right, bottom] = [x + layout.tile.width + 60, y + layout.tile.height + 40];
    view.scrollTo(Math.max(0, right - view.clientWidth), Math.max(0, bottom - view.clientHeight));
  }

  enter() {
    this.moveTo(this.layout.order.indexOf(this.selected), { scroll: this.view.matches(":focus-visible") });
  }

  step(position, last) {
    if (position >= 0 && position <= last) this.moveTo(position);
  }

  hover(position) {
    if (position === this.hovered) return;
    this.hovered = position;
    this.move(this.frames.hovered, position);
    this.tip.hidden = position === null;
    if (position !== null) this.explain(position);
  }

  /** The tooltip: name, role, scores; beside the tile, inside the component. */
  explain(position) {
    const index = this.layout.order[position];
    const role = element("em", "", this.roleName(index));
    const list = element("dl");
    this.data.scores.forEach((name, score) => list.append(...this.scoreRow({ name, score, index })));
    this.tip.dataset.head = this.name(index);
    this.tip.replaceChildren(element("b", "", this.name(index)), role, list);
    this.beside(position);
  }

  scoreRow({ name, score, index }) {
    const now = score === this.order ? "now" : "";
    const value = element("dd", now, scoreText(this.score(score, index)));
    value.dataset.score = this.score(score, index);
    return [element("dt", now, name), value];
  }

  beside(position) {
    const box = this.root.getBoundingClientRect();
    const plane = this.plane.getBoundingClientRect();
    const { x, y } = this.spot(position);
    const { width, height } = this.layout.tile;
    const left = plane.left - box.left + x + width + 10;
    const flipped = left + this.tip.offsetWidth > box.width ? left - width - 20 - this.tip.offsetWidth : left;
    const down = plane.top - box.top + y + height / 2 - this.tip.offsetHeight / 2;
    this.tip.style.transform = `translate(${Math.max(0, flipped)}px, ${Math.max(0, down)}px)`;
  }

  /** The line below, also read aloud: the head under the keyboard, or the chosen one. */
  say(index) {
    const facts = this.data.scores.map((name, score) => `${name} ${scoreText(this.score(score, index))}`);
    const rest = [this.roleName(index), ...facts].filter(Boolean).map((fact) => ` · ${fact}`).join("");
    this.root.querySelector(".readout").replaceChildren(element("b", "", this.name(index)), element("span", "", rest));
  }

  whereIs(index) {
    const { heads } = this.data.shape;
    return { layer: Math.floor(index / heads), head: index % heads };
  }

  name(index) {
    const { layer, head } = this.whereIs(index);
    return headName(layer, head);
  }

  roleName(index) {
    return this.data.roles[this.roles[index] - 1] ?? "";
  }

  score(score, index) {
    const { layers, heads } = this.data.shape;
    return this.scores[score * layers * heads + index];
  }
}

/** A score as it is read: two digits after the point, a dash where it is undefined. */
const scoreText = (value) => decimal(value, value < 100 ? 2 : 0);

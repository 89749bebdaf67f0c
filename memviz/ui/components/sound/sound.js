/**
 * A sound as waveform and log-mel spectrogram, the words that were written below, and links from each to its moment.
 *
 * data = {words: [{text, start, end, peak}], span, shape, selected, turn, covered, labels} and the arrays wave,
 * int8 [2, column], mel, uint8 [band, moment], weights, uint8 [word, frame], and audio, the bytes of a file. Reports
 * word = {number, click}; −1 is none.
 */

const WAVE = 64; // pixels from the top: the waveform, the spectrogram, what the word looks at, the seconds
const MEL = 112;
const STRIP = 12;
const AXIS = 26;
const LINKS = 84;
const GAP = 6; // between two words

const sounds = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".memviz.sound");
  let view = sounds.get(root);
  if (!view) {
    view = new SoundView(root);
    sounds.set(root, view);
  }
  view.report = (word) => setStateValue("word", word);
  view.take(data);
  return () => view.player.stop();
}

class SoundView {
  constructor(root) {
    this.root = root;
    this.turn = -1;
    this.clicks = 0;
    this.selected = -1;
    this.current = 0;
    this.part = (name) => root.querySelector(name);
    this.player = new Player({
      tell: (second) => this.hear(second),
      fail: () => this.say(this.data.labels.mute),
    });
    this.part(".play").addEventListener("click", () => this.playAll());
    this.part(".line").addEventListener("click", (event) => this.choose(numberOf(event.target)));
    this.part(".line").addEventListener("keydown", (event) => this.key(event));
    this.part("canvas").addEventListener("click", (event) => this.choose(this.wordAt(event)));
    new ResizeObserver(() => this.data && this.draw()).observe(this.part(".reel"));
  }

  take(data) {
    const { labels, words, span } = data;
    const audio = array(data.arrays, "audio", Uint8Array);
    if (!sameBytes(audio, this.audio)) {
      this.audio = audio;
      this.player.load(audio);
    }
    const before = this.data?.words ?? [];
    this.data = data;
    this.wave = array(data.arrays, "wave", Int8Array);
    this.mel = array(data.arrays, "mel", Uint8Array);
    this.weights = array(data.arrays, "weights", Uint8Array);
    if (JSON.stringify(before) !== JSON.stringify(words)) this.write();
    if (this.turn !== data.turn) {
      this.turn = data.turn;
      this.selected = data.selected;
      if (data.selected >= 0) this.current = data.selected;
    }
    const seconds = (span[1] - span[0]).toFixed(1);
    this.part("canvas").setAttribute("aria-label", fillPlaces(labels.sound, { seconds, count: words.length }));
    this.part(".line").setAttribute("aria-label", labels.words);
    if (!this.player.isPlaying) this.part(".play").textContent = labels.play;
    this.draw();
    this.say(this.selected >= 0 ? this.sentence(labels.looks, this.selected) : labels.hint);
  }

  /** The buttons of the words. */
  write() {
    this.current = Math.min(this.current, Math.max(0, this.data.words.length - 1));
    this.buttons = this.data.words.map((word, number) => {
      const button = element("button", "word", visible(word.text));
      button.type = "button";
      button.dir = "auto";
      button.dataset.number = number;
      button.dataset.testid = "memviz-spoken-word";
      button.setAttribute("aria-label", this.sentence(this.data.labels.word, number));
      return button;
    });
    this.part(".line").replaceChildren(...this.buttons);
  }

  sentence(template, number) {
    const { text, start, end, peak } = this.data.words[number];
    const [from, to, most] = [start, end, peak].map((second) => second.toFixed(2));
    return fillPlaces(template, { word: visible(text), start: from, end: to, peak: most });
  }

  say(text) {
    this.part(".note").textContent = text;
  }

  x(second) {
    const [first, last] = this.data.span;
    return ((second - first) / Math.max(last - first, 1e-6)) * this.width;
  }

  draw() {
    const room = this.part(".reel").clientWidth - 6;
    if (room <= 0) return;
    const widths = this.buttons.map((button) => button.offsetWidth);
    const needed = widths.reduce((sum, width) => sum + width + GAP, 0);
    this.width = Math.max(room, needed);
    this.part(".plane").style.width = `${this.width}px`;
    this.place(widths);
    this.paint();
    this.link();
    this.root.dataset.drawn = "true";
  }

  /** Every word as near to the middle of its moment as its neighbours let it. */
  place(widths) {
    let edge = 0;
    const lefts = this.data.words.map(({ start, end }, i) => {
      const left = Math.max(edge, this.x((start + end) / 2) - widths[i] / 2);
      edge = left + widths[i] + GAP;
      return left;
    });
    edge = this.width;
    for (let i = lefts.length - 1; i >= 0; i -= 1) {
      lefts[i] = Math.max(0, Math.min(lefts[i], edge - widths[i]));
      edge = lefts[i] - GAP;
    }
    this.middles = lefts.map((left, i) => left + widths[i] / 2);
    this.buttons.forEach((button, i) => {
      button.style.left = `${lefts[i]}px`;
      button.tabIndex = i === this.current ? 0 : -1;
      button.setAttribute("aria-pressed", String(i === this.selected));
    });
  }

  /** The links from the moments to the words. */
  link() {
    const path = (shape, name, number) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", "path");
      node.setAttribute("d", shape);
      node.setAttribute("class", `${name} ${number === this.selected ? "shown" : ""}`);
      node.dataset.number = number;
      return node;
    };
    const paths = this.data.words.flatMap(({ start, end }, i) => {
      const [from, to, word] = [this.x(start), this.x(end), this.middles[i]];
      const middle = (from + to) / 2;
      const curve = `M${middle} 3C${middle} ${LINKS / 2} ${word} ${LINKS / 2} ${word} ${LINKS}`;
      return [path(`M${from + 1} 3H${Math.max(from + 2, to - 1)}`, "moment", i), path(curve, "link", i)];
    });
    this.part("svg").replaceChildren(...paths);
  }

  paint() {
    const canvas = this.part("canvas");
    const scale = Math.min(devicePixelRatio || 1, 16_000 / this.width);
    canvas.width = Math.round(this.width * scale);
    canvas.height = Math.round((WAVE + MEL + STRIP + AXIS) * scale);
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const names = ["paper", "ink", "muted", "blue", "orange"];
    const colours = Object.fromEntries(names.map((name) => [name, rgb(this.root, `var(--${name})`)]));
    this.paintWave(pen, colours);
    this.paintMel(pen, colours);
    if (this.selected >= 0) this.paintWeights(pen, colours);
    if (this.data.covered) this.paintCovered(pen, colours);
    this.paintAxis(pen, colours);
  }

  paintWave(pen, { blue }) {
    const { columns } = this.data.shape;
    pen.fillStyle = `rgb(${blue})`;
    for (let i = 0; i < columns; i += 1) {
      const [low, high] = [this.wave[i], this.wave[columns + i]];
      const top = WAVE / 2 - (high / 127) * (WAVE / 2 - 2);
      pen.fillRect((i / columns) * this.width, top, this.width / columns + 0.3, Math.max(1, ((high - low) / 127) * (WAVE / 2 - 2)));
    }
  }

  paintMel(pen, { paper, ink }) {
    const { bands, moments } = this.data.shape;
    if (!moments) return;
    const image = new ImageData(moments, bands);
    this.mel.forEach((value, i) => {
      const row = bands - 1 - Math.floor(i / moments);
      image.data.set([...mix(paper, ink, value / 255), 255], 4 * (row * moments + (i % moments)));
    });
    const sheet = new OffscreenCanvas(moments, bands);
    sheet.getContext("2d").putImageData(image, 0, 0);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(sheet, 0, WAVE, this.width, MEL);
  }

  /** What the chosen word looks at, over the spectrogram and in a strip of its own; its moment in a frame. */
  paintWeights(pen, { blue, orange }) {
    const { frames } = this.data.shape;
    const step = this.width / frames;
    for (let i = 0; i < frames; i += 1) {
      const share = this.weights[this.selected * frames + i] / 255;
      if (share > 0.02) {
        pen.fillStyle = `rgba(${blue}, ${0.6 * Math.sqrt(share)})`;
        pen.fillRect(i * step, WAVE, step + 0.3, MEL);
        pen.fillStyle = `rgba(${blue}, ${Math.sqrt(share)})`;
        pen.fillRect(i * step, WAVE + MEL, step + 0.3, STRIP);
      }
    }
    const { start, end } = this.data.words[this.selected];
    pen.strokeStyle = `rgb(${orange})`;
    pen.lineWidth = 2.5;
    pen.strokeRect(this.x(start) + 1, 2, Math.max(2, this.x(end) - this.x(start) - 2), WAVE + MEL + STRIP - 4);
  }

  paintCovered(pen, { muted, paper }) {
    const [from, to] = this.data.covered.map((second) => this.x(second));
    pen.fillStyle = `rgba(${paper}, 0.75)`;
    pen.fillRect(from, 0, to - from, WAVE + MEL + STRIP);
    pen.strokeStyle = `rgb(${muted})`;
    pen.lineWidth = 2;
    pen.strokeRect(from + 1, 1, Math.max(1, to - from - 2), WAVE + MEL + STRIP - 2);
    pen.beginPath();
    pen.moveTo(from, 0);
    pen.lineTo(to, WAVE + MEL + STRIP);
    pen.moveTo(to, 0);
    pen.lineTo(from, WAVE + MEL + STRIP);
    pen.stroke();
  }

  paintAxis(pen, { ink }) {
    const [first, last] = this.data.span;
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10];
    const step = steps.find((each) => (each / Math.max(last - first, 1e-6)) * this.width >= 60) ?? 10;
    pen.fillStyle = `rgb(${ink})`;
    pen.font = `13px ${getComputedStyle(this.root).fontFamily}`;
    const top = WAVE + MEL + STRIP;
    for (let second = Math.ceil(first / step - 1e-9) * step; second <= last + 1e-9; second += step) {
      const place = this.x(second);
      pen.fillRect(Math.min(place, this.width - 1), top, 1, 5);
      const text = fillPlaces(this.data.labels.seconds, { seconds: second.toFixed(step < 1 ? 1 : 0) });
      const { width } = pen.measureText(text);
      pen.fillText(text, Math.min(Math.max(0, place - width / 2), this.width - width), top + 19);
    }
  }

  /** The word whose moment was clicked in the picture; null beside all moments. */
  wordAt(event) {
    const box = this.part("canvas").getBoundingClientRect();
    const place = event.clientX - box.left;
    const number = this.data.words.findIndex(({ start, end }) => place >= this.x(start) && place < this.x(end));
    return number < 0 ? null : number;
  }

  key(event) {
    const { length: count } = this.buttons;
    const moves = { ArrowRight: this.current + 1, ArrowLeft: this.current - 1, Home: 0, End: count - 1 };
    if (event.key === "Escape") this.select(-1);
    else if (event.key in moves) {
      this.current = Math.min(count - 1, Math.max(0, moves[event.key]));
      this.buttons.forEach((button, i) => (button.tabIndex = i === this.current ? 0 : -1));
      this.buttons[this.current]?.focus();
    } else return;
    event.preventDefault();
  }

  /** A person takes a word: it is played alone, and what it looks at lights up. */
  choose(number) {
    if (number === null) return;
    this.current = number;
    this.select(number);
    const { start, end } = this.data.words[number];
    this.player.play(start - this.data.span[0], end - this.data.span[0]);
  }

  select(number) {
    this.selected = number;
    this.clicks += 1;
    this.draw();
    this.say(number >= 0 ? this.sentence(this.data.labels.looks, number) : this.data.labels.hint);
    this.report({ number, click: Date.now() });
  }

  playAll() {
    if (this.player.isPlaying) this.player.stop();
    else this.player.play(0, this.data.span[1] - this.data.span[0]);
  }

  /** What is heard at this second of the file lights up; null: nothing is heard any more. */
  hear(second) {
    const { labels, span, words } = this.data;
    const head = this.part(".head");
    const here = second === null ? null : second + span[0];
    head.hidden = here === null;
    this.part(".play").textContent = here === null ? labels.play : labels.pause;
    this.part(".clock").textContent = here === null ? "" : fillPlaces(labels.seconds, { seconds: here.toFixed(1) });
    const now = here === null ? -1 : words.findIndex(({ start, end }) => here >= start && here < end);
    if (here !== null) head.style.transform = `translateX(${this.x(here)}px)`;
    if (now === this.now) return;
    this.now = now;
    this.buttons.forEach((button, i) => button.classList.toggle("now", i === now));
    this.part("svg").childNodes.forEach((path) => path.classList.toggle("now", Number(path.dataset.number) === now));
    if (now >= 0) this.keepInSight(this.middles[now]);
  }

  keepInSight(place) {
    const reel = this.part(".reel");
    const { scrollLeft, clientWidth } = reel;
    if (place < scrollLeft + 40 || place > scrollLeft + clientWidth - 40) reel.scrollLeft = place - clientWidth / 3;
  }
}

const numberOf = (target) => {
  const word = target.closest?.("[data-testid=memviz-spoken-word]");
  return word ? Number(word.dataset.number) : null;
};

const sameBytes = (a, b) => Boolean(b) && a.length === b.length && a.every((value, i) => value === b[i]);

/* The writing of the translation, word by word: to the first, back, play, on, to the end. */

const PACE = 900; // milliseconds for a word

class Stepper {
  step = null; // 1 to count: the last word that is written; null: all are, and none is looked at
  timer = null;
  count = 0;

  constructor(root, onStep) {
    this.root = root;
    this.onStep = onStep;
    root.addEventListener("click", (event) => this.press(event.target.closest("button")?.dataset.do));
  }

  get playing() {
    return this.timer !== null;
  }

  update({ count, labels, hidden }) {
    Object.assign(this, { count, labels });
    this.root.hidden = hidden || count === 0;
    this.root.setAttribute("aria-label", labels.steps);
    if (this.root.hidden) this.go(null);
    else this.say();
  }

  /** Back to the whole, without telling: the words are new. */
  reset() {
    this.pause();
    this.step = null;
  }

  press(what) {
    if (!what) return;
    const { playing } = this;
    this.pause();
    if (what === "play" && !playing) this.play();
    if (what === "play") return;
    const { step, count } = this;
    this.go({ first: 1, back: step === null ? count : Math.max(1, step - 1), forward: this.next(), last: null }[what]);
  }

  /** The word after this one; after the last, the whole. */
  next() {
    if (this.step === null) return 1;
    return this.step < this.count ? this.step + 1 : null;
  }

  play() {
    this.timer = setInterval(() => this.tick(), PACE);
    this.go(this.next() ?? 1);
  }

  tick() {
    this.go(this.root.isConnected ? this.next() : null);
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    if (this.labels) this.say();
  }

  go(step) {
    if (step === null) this.pause();
    const moves = step !== this.step;
    this.step = step;
    this.say();
    if (moves) this.onStep(step);
  }

  say() {
    const { root, step, count, labels } = this;
    for (const button of root.querySelectorAll("button")) {
      const name = button.dataset.do === "play" && this.playing ? "pause" : button.dataset.do;
      button.setAttribute("aria-label", labels[name]);
      button.title = labels[name];
    }
    root.classList.toggle("playing", this.playing);
    const where = step === null ? labels.whole : fillPlaces(labels.step, { step, steps: count });
    root.querySelector(".where").textContent = where;
  }
}

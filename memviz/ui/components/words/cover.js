/* Words that are covered: a click covers a word, another uncovers it. */

const covers = new Map(); // id -> {turn, indices}: what was covered outlives the element that showed it

/** Which words of a text are covered? Shown on their spans, and reported when a person changes it. */
class Cover {
  indices = new Set();
  turn = null;

  constructor(words) {
    this.words = words;
  }

  /** The page's choice is followed only in a new turn. */
  follow({ id, covered, cover_turn: turn }) {
    this.words.root.classList.toggle("covering", Boolean(covered));
    if (!covered || turn === this.turn) return;
    const before = covers.get(id);
    this.turn = turn;
    this.draw(before?.turn === turn ? before.indices : covered);
  }

  draw(indices) {
    this.indices = new Set(indices);
    this.words.spans.forEach((span, i) => {
      span.classList.toggle("covered", this.indices.has(i));
      span.setAttribute("aria-pressed", String(this.indices.has(i)));
    });
  }

  /** A special token is no word that a person wrote: it stays. */
  toggle(index) {
    if (this.words.flags[index] & SPECIAL) return;
    const indices = new Set(this.indices);
    if (!indices.delete(index)) indices.add(index);
    this.set([...indices].sort((a, b) => a - b));
  }

  set(indices) {
    this.draw(indices);
    covers.set(this.words.data.id, { turn: this.turn, indices });
    this.words.reportCover({ indices, click: Date.now() });
  }
}

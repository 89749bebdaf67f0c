/* Put in front of every component's script: how words and numbers are written. */

/**
 * How a word is written: control pictures for control characters, ␣ for what has no ink.
 * Characters that order the text after them to run the other way are left out.
 */
function visible(word) {
  const plain = word.replace(/[\u202a-\u202e\u2066-\u2069]/g, "");
  const text = plain.replace(/[\u0000-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)));
  return /^[\s\u007f-\u009f\u200b-\u200f\u2028\u2029\u2060-\u2064\ufeff]*$/u.test(text) ? "␣" : text;
}

/** 71 %; small ones with one digit more, and never "0 %" for something. */
const percent = (weight) => {
  const share = weight * 100;
  if (share === 0 || share >= 0.95) return `${share.toFixed(0)} %`;
  return share < 0.05 ? "<0.1 %" : `${share.toFixed(1)} %`;
};

/** A number from 0 that is no share: 2.8; <0.1 for what rounds to 0 and is not; – for undefined. */
const decimal = (value, digits = 1) => {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "–" : "∞";
  const last = 10 ** -digits;
  return value > 0 && value < 0.5 * last ? `<${last.toFixed(digits)}` : value.toFixed(digits);
};

/** How many times as much: 3.7 ×, 12 ×, <0.1 ×; – for undefined. */
const times = (ratio) => (Number.isNaN(ratio) ? "–" : `${decimal(ratio, ratio < 9.95 ? 1 : 0)} ×`);

/** “{word}” remembers: the word is isolated, because it may run the other way. */
function writeTitle(title, { template, word }) {
  const [before, after = ""] = template.split("{word}");
  const name = element("bdi", "", word ?? "…");
  title.replaceChildren(before, name, after);
  title.title = word === null ? "" : title.textContent;
}

const sameList = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

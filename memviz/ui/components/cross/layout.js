/* Rows or columns, how large the words are, and the curves between them. */

const LARGEST = 26; // pixels: the words as large as in the other pictures
const SMALLEST = 15; // smaller, and the rows become columns
const COLUMN_SIZE = { narrow: 18, wide: 20 };
const SPREAD = 2.2; // of the size: what a word may have more than it needs, where there is room
const AIR = 6; // pixels between a link and the frame of its word
const NUMBERED = 0.0095; // lighter links have no number
const CLOSEST = 38; // pixels between the middles of two numbers
const BESIDE = 4; // pixels between the lines of two heads

/** Lays the words out in the room there is; where each of them then stands in the picture. */
function layOut({ root, picture, rows, words, data }) {
  if (data.facing || !inRows({ root, picture, rows })) inColumns({ root, picture });
  const frame = picture.getBoundingClientRect();
  const place = (side) => {
    const row = rows[side].getBoundingClientRect();
    return (word) => spotIn(frame, { row: root.dataset.layout === "rows" ? row : null, box: word.getBoundingClientRect() });
  };
  return { source: words.source.map(place("source")), target: words.target.map(place("target")) };
}

/** A word's edges and middle; above and below, in a row, all words have those of the row. */
function spotIn(frame, { row, box }) {
  const { top, bottom } = row ?? box;
  const [left, right] = [box.left - frame.left, box.right - frame.left];
  return { left, right, x: (left + right) / 2, top: top - frame.top, bottom: bottom - frame.top, y: (top + bottom) / 2 - frame.top };
}

/** Does each row fit into one line at a size that can be read? If so, it is laid out. */
function inRows({ root, picture, rows }) {
  root.dataset.layout = "rows";
  const widthAt = (size) => {
    picture.style.setProperty("--size", `${size}px`);
    picture.style.setProperty("--width", "max-content");
    return picture.offsetWidth;
  };
  const room = root.clientWidth;
  const widest = widthAt(LARGEST);
  let size = Math.min(LARGEST, Math.ceil((LARGEST * room) / widest)); // width grows as size, but for what is never small
  while (size >= SMALLEST && widthAt(size) > room) size -= 1;
  if (size < SMALLEST) return false;
  const longest = Math.max(rows.source.childElementCount, rows.target.childElementCount);
  picture.style.setProperty("--width", `${Math.min(room, widthAt(size) + longest * SPREAD * size)}px`);
  return true;
}

function inColumns({ root, picture }) {
  root.dataset.layout = "columns";
  picture.style.setProperty("--size", `${root.clientWidth < 520 ? COLUMN_SIZE.narrow : COLUMN_SIZE.wide}px`);
  picture.style.removeProperty("--width");
}

const svg = (name) => document.createElementNS("http://www.w3.org/2000/svg", name);

/** One link as a curve that leaves and arrives straight. */
function thread({ source, target, weight, head }, { spots, layout, muted, testid, beside }) {
  const path = svg("path");
  const [from, to] = [spots.source[source], spots.target[target]];
  path.setAttribute("d", layout === "rows" ? down(from, to) : across(from, to, beside));
  path.setAttribute("pathLength", 1);
  path.style.setProperty("--weight", Math.min(1, weight));
  if (muted) path.classList.add("muted");
  path.classList.add(`head-${head}`);
  Object.assign(path.dataset, { testid, source, target, weight, head });
  return path;
}

function down(from, to) {
  const [top, bottom] = [from.bottom + AIR, to.top - AIR];
  const bend = (bottom - top) * 0.5;
  return `M${from.x} ${top}C${from.x} ${top + bend} ${to.x} ${bottom - bend} ${to.x} ${bottom}`;
}

/** From column to column; lines of several heads between the same words lie ``beside`` each other. */
function across(from, to, beside) {
  const [start, end] = from.x < to.x ? [from, to] : [to, from];
  const [left, right] = [start.right + AIR, end.left - AIR];
  const bend = (right - left) * 0.5;
  const [above, below] = [start.y + beside, end.y + beside];
  return `M${left} ${above}C${left + bend} ${above} ${right - bend} ${below} ${right} ${below}`;
}

/** The weights as numbers beside their words; where two would touch, the heavier stays. */
function weightMarks(marks, { spots, layout, facing }) {
  const middles = [];
  const marked = new Set();
  const free = ({ side, index }) => {
    const spot = spots[side][index];
    if (marked.has(index)) return false; // another head joins the same words
    marked.add(index);
    if (layout === "rows" && middles.some((x) => Math.abs(x - spot.x) < CLOSEST)) return false;
    middles.push(spot.x);
    return true;
  };
  return marks.filter(({ weight }) => weight >= NUMBERED).filter(free).map((mark) => weightMark(mark, { spots, layout, facing }));
}

function weightMark({ side, index, weight, head }, { spots, layout, facing }) {
  const mark = element("span", `mark ${side} head-${head}`, percent(weight));
  const { x, y, left, right, top, bottom } = spots[side][index];
  const place = layout === "rows" ? [x, side === "source" ? top : bottom] : [(side === "source") === facing ? left : right, y];
  mark.dataset.index = index;
  mark.style.left = `${place[0]}px`;
  mark.style.top = `${place[1]}px`;
  return mark;
}

/**
 * A picture whose patches are tinted by how much a head looks at them; a click chooses a patch.
 *
 * data = {image, rows, columns, selected, turn, opacity, threshold, largest, covered, covers, labels} and the array
 * weights, float32 [row, column]. Reports patch = {number, click}; −1 is the token without a place. With ``covers`` a
 * click covers a patch or uncovers it, a rectangle is drawn with the mouse, and cover = {numbers, click} is reported.
 */

const pictures = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".memviz.picture");
  let view = pictures.get(root);
  if (!view) {
    view = { clicks: 0, turn: -1, place: 0, covered: new Set() };
    pictures.set(root, view);
    listen(root, view);
  }
  view.data = data;
  view.weights = array(data.arrays, "weights", Float32Array);
  view.report = (name, choice) => setStateValue(name, choice);
  if (view.turn !== data.turn) {
    view.turn = data.turn;
    view.selected = data.selected;
    view.covered = new Set(data.covered);
    if (data.selected >= 0) view.place = data.selected;
  }
  const image = root.querySelector("img");
  if (image.getAttribute("src") !== data.image) image.src = data.image;
  const label = data.covers ? data.labels.cover : data.labels.picture;
  root.querySelector(".frame").setAttribute("aria-label", fillPlaces(label, { rows: data.rows, columns: data.columns }));
  draw(root, view);
  if (view.notePlace < view.weights.length) tell(root, view, view.notePlace); // its weight is another one now
}

function listen(root, view) {
  const frame = root.querySelector(".frame");
  frame.addEventListener("pointermove", (event) => {
    const place = placeOf(frame, view, event);
    tell(root, view, place);
    if (view.from === undefined || place === view.place) return;
    view.place = place;
    draw(root, view);
  });
  frame.addEventListener("pointerdown", (event) => {
    if (!view.data.covers || event.button) return;
    view.place = placeOf(frame, view, event);
    view.from = view.place;
    draw(root, view);
  });
  frame.addEventListener("pointerup", (event) => {
    if (view.from === undefined) return;
    view.place = placeOf(frame, view, event);
    cover(root, view, rectangle(view));
  });
  for (const end of ["pointercancel", "pointerleave"]) {
    frame.addEventListener(end, () => {
      view.from = undefined;
      draw(root, view);
    });
  }
  frame.addEventListener("click", (event) => {
    if (view.data.covers) return;
    view.place = placeOf(frame, view, event);
    select(root, view, view.place);
  });
  for (const change of ["focus", "blur"]) frame.addEventListener(change, () => draw(root, view));
  frame.addEventListener("keydown", (event) => step(root, view, event));
  root.querySelector("img").addEventListener("load", () => draw(root, view));
}

function placeOf(frame, { data }, event) {
  const box = frame.getBoundingClientRect();
  const inside = (value, count) => Math.min(count - 1, Math.max(0, Math.floor(value * count)));
  const row = inside((event.clientY - box.top) / box.height, data.rows);
  return row * data.columns + inside((event.clientX - box.left) / box.width, data.columns);
}

function step(root, view, event) {
  const { rows, columns } = view.data;
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const { covers } = view.data;
  if (event.key === "Enter" || event.key === " ") {
    if (covers) cover(root, view, [view.place]);
    else select(root, view, view.place);
  } else if (event.key === "Escape") {
    if (covers) cover(root, view, [...view.covered]);
    else select(root, view, -1);
  } else if (moves[event.key]) {
    const [down, right] = moves[event.key];
    const row = Math.min(rows - 1, Math.max(0, Math.floor(view.place / columns) + down));
    const column = Math.min(columns - 1, Math.max(0, (view.place % columns) + right));
    view.place = row * columns + column;
    tell(root, view, view.place);
    draw(root, view);
  } else return;
  event.preventDefault();
}

function select(root, view, number) {
  view.selected = number;
  view.clicks += 1;
  draw(root, view);
  view.report("patch", { number, click: view.clicks });
}

/** The patches between the one where the mouse went down and the one where it is. */
function rectangle({ from, place, data: { columns } }) {
  const [rows, cols] = [[from, place].map((at) => Math.floor(at / columns)), [from, place].map((at) => at % columns)];
  const numbers = [];
  for (let row = Math.min(...rows); row <= Math.max(...rows); row += 1) {
    for (let col = Math.min(...cols); col <= Math.max(...cols); col += 1) numbers.push(row * columns + col);
  }
  return numbers;
}

/** Covers these patches; where all of them are covered, uncovers them. */
function cover(root, view, numbers) {
  view.from = undefined;
  const uncovers = numbers.every((number) => view.covered.has(number));
  numbers.forEach((number) => (uncovers ? view.covered.delete(number) : view.covered.add(number)));
  view.clicks += 1;
  draw(root, view);
  view.report("cover", { numbers: [...view.covered], click: view.clicks });
}

function tell(root, view, place) {
  view.notePlace = place;
  const { columns, labels } = view.data;
  const number = view.weights[place];
  const weight = view.data.share ? `${(100 * number).toFixed(2)} %` : number.toPrecision(3);
  const values = { row: Math.floor(place / columns) + 1, column: (place % columns) + 1, weight };
  const { covers } = view.data;
  const label = covers ? (view.covered.has(place) ? labels.covered : labels.open) : labels.patch;
  root.querySelector(".note").textContent = fillPlaces(label, values);
}

function draw(root, view) {
  const { data, weights } = view;
  const canvas = root.querySelector("canvas");
  const box = canvas.getBoundingClientRect();
  if (!box.width || !box.height) return;
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(box.width * scale);
  canvas.height = Math.round(box.height * scale);
  const pen = canvas.getContext("2d");
  const [width, height] = [canvas.width / data.columns, canvas.height / data.rows];
  const corner = (place) => [(place % data.columns) * width, Math.floor(place / data.columns) * height];
  const [blue, muted, paper] = ["blue", "muted", "paper"].map((name) => rgb(root, `var(--${name})`));
  weights.forEach((weight, place) => {
    const share = data.largest > 0 ? weight / data.largest : 0;
    if (share < data.threshold || share <= 0) return;
    pen.fillStyle = `rgba(${blue}, ${data.opacity * Math.sqrt(share)})`;
    pen.fillRect(...corner(place), width + 0.5, height + 0.5);
  });
  view.covered.forEach((place) => {
    const [x, y] = corner(place);
    pen.fillStyle = `rgba(${muted}, 0.85)`;
    pen.fillRect(x, y, width + 0.5, height + 0.5);
    pen.strokeStyle = `rgba(${paper}, 0.8)`;
    pen.lineWidth = scale;
    pen.beginPath();
    pen.moveTo(x, y + height);
    pen.lineTo(x + width, y);
    pen.stroke();
  });
  pen.lineWidth = 2.5 * scale;
  if (view.from !== undefined) {
    rectangle(view).forEach((place) => outline(pen, corner(place), [width, height], `rgba(${paper}, 0.8)`));
  }
  if (view.from !== undefined || root.querySelector(".frame").matches(":focus-visible")) {
    outline(pen, corner(view.place), [width, height], `rgba(${paper}, 0.8)`);
  }
  if (view.selected >= 0) outline(pen, corner(view.selected), [width, height], `rgb(${rgb(root, "var(--orange)")})`);
}

function outline(pen, [x, y], [width, height], colour) {
  pen.strokeStyle = colour;
  pen.strokeRect(x + pen.lineWidth / 2, y + pen.lineWidth / 2, width - pen.lineWidth, height - pen.lineWidth);
}

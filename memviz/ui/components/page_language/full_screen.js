// A picture that fills the screen, and one that comes back, is drawn anew from the layout that Plotly has changed
// meanwhile: axes that were made shorter to keep cells square would be made shorter again. So the axes get their whole
// room back before, and letters grow with the picture and shrink again.

const FULL_FRAME = '[data-testid="stFullScreenFrame"]';
const CLOSES = '[aria-label="Close fullscreen"]';
const LARGEST_GROWTH = 1.6;
const ROWS_SHARE = 0.55; // of the screen's height, for the labels of the rows
const PLAIN = 12; // pixels of letters whose size nobody set
const smallSizes = []; // what the letters and margins of the picture that fills the screen were: [holder, key, value]

function followFullScreen() {
  if (document.documentElement.dataset.memvizFullScreen) return;
  document.documentElement.dataset.memvizFullScreen = "true";
  document.addEventListener("click", ({ target }) => prepare(target.closest?.("button")), true);
  window.addEventListener("keydown", ({ key }) => key === "Escape" && prepare(document.querySelector(CLOSES)), true);
}

/** The button that is about to fill the screen, or to leave it. */
function prepare(button) {
  if (!/fullscreen/i.test(button?.getAttribute("aria-label") ?? "")) return;
  const graph = button.closest(FULL_FRAME)?.querySelector(".js-plotly-plot");
  if (!graph?.layout) return;
  giveRoomBack(graph);
  for (const [holder, key, value] of smallSizes.splice(0).reverse()) holder[key] = value;
  if (!button.matches(CLOSES)) grow(graph);
}

/** Every axis has the room again that the figure gave it. */
function giveRoomBack({ layout, _fullLayout: drawn }) {
  for (const name of axisNames(layout)) {
    const whole = drawn[name]?._inputDomain;
    if (whole) layout[name].domain = [...whole];
  }
}

const axisNames = (layout) => Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name));

function grow({ data, layout, clientWidth, clientHeight }) {
  const factor = Math.max(1, Math.min(LARGEST_GROWTH, Math.max(innerWidth / clientWidth, innerHeight / clientHeight)));
  const axes = axisNames(layout).map((name) => layout[name]);
  const labels = Math.max(1, ...axes.map(({ labelalias = {} }) => Object.keys(labelalias).length));
  const room = (innerHeight * ROWS_SHARE) / labels;
  for (const axis of axes) enlarge(axis, "tickfont", { factor, room });
  const titled = [layout, ...axes, ...data.map(({ colorbar }) => colorbar)].filter((holder) => holder?.title?.text);
  for (const { title } of titled) enlarge(title, "font", { factor });
  if (layout.title?.subtitle) enlarge(layout.title.subtitle, "font", { factor });
  for (const { colorbar } of data.filter((trace) => trace.colorbar?.len)) {
    enlarge(colorbar, "tickfont", { factor });
    change(colorbar, "len", colorbar.len * factor);
  }
  for (const note of layout.annotations ?? []) enlarge(note, "font", { factor });
  if (layout.legend) enlarge(layout.legend, "font", { factor });
  for (const side of ["t", "b"]) change(layout.margin, side, layout.margin[side] * factor);
}

/** Larger letters, but no larger than their `room`. */
function enlarge(holder, key, { factor, room = Infinity }) {
  const size = holder[key]?.size ?? PLAIN;
  change(holder, key, { ...holder[key], size: Math.max(size, Math.min(size * factor, room)) });
}

function change(holder, key, value) {
  smallSizes.push([holder, key, holder[key]]);
  holder[key] = value;
}

/* How large is a tile, where does it go, and which colours has it? */

const SMALLEST = 24; // from one tile to the next, in CSS pixels
const FINEST = matchMedia("(pointer: coarse)").matches ? SMALLEST : 16; // the tile itself: a finger needs more
const LARGEST = 72;
const TALLEST = 820; // all layers fit into a projected page

const gapFor = (tile) => Math.max(SMALLEST - tile, tile >= 40 ? 6 : tile >= 30 ? 5 : 3);

/** How much room has one tile, when layers are rows and heads are columns? */
const gridRoom = ({ layers, heads }, width) => ({ width, rows: layers, columns: heads, labels: 36 });

/**
 * How large is a tile? A whole number of device pixels for each cell, so that no cell looks
 * wider than its neighbour. Where even one is too much, cells are pooled (`cells`).
 */
function tileSize({ rows, columns: cols }, room) {
  const ratio = window.devicePixelRatio || 1;
  const cells = Math.max(rows, cols, 1);
  const across = (room.width - room.labels) / room.columns - 5;
  const down = TALLEST / room.rows - 5;
  const wanted = Math.min(LARGEST, Math.max(SMALLEST, Math.min(across, down * 1.12)));
  const device = Math.floor(wanted * ratio);
  const fewest = Math.ceil((FINEST * ratio) / cells);
  const zoom = device < cells ? 0 : Math.max(fewest, Math.floor(device / cells));
  const shrink = zoom ? 1 : device / cells;
  const size = (count) => (zoom ? count * zoom : Math.max(1, Math.round(count * shrink)));
  return {
    ratio,
    width: size(cols) / ratio,
    height: size(rows) / ratio,
    cells: { rows: zoom ? rows : size(rows), cols: zoom ? cols : size(cols) },
  };
}

function positionLayout({ layers, heads }, tile) {
  const gaps = [gapFor(tile.width), gapFor(tile.height)];
  const [pitchX, pitchY] = [tile.width + gaps[0], tile.height + gaps[1]];
  const order = Array.from({ length: layers * heads }, (_, i) => i);
  const [width, height] = [heads * pitchX, layers * pitchY];
  return { tile, ratio: tile.ratio, gaps, pitchX, pitchY, order, columns: heads, top: 0, width, height };
}

/** Best first, undefined last; the name and score stand above each tile. */
function sortedLayout(grid, tile) {
  const { layers, heads } = grid.data.shape;
  const rank = (index) => (Number.isNaN(grid.score(grid.order, index)) ? -Infinity : grid.score(grid.order, index));
  const order = Array.from({ length: layers * heads }, (_, i) => i).sort((a, b) => rank(b) - rank(a) || a - b);
  const top = 36;
  const [pitchX, pitchY] = [Math.max(tile.width + 10, 56), tile.height + top + 6];
  const columns = Math.max(1, Math.min(order.length, Math.floor((grid.width - 8) / pitchX)));
  const [width, height] = [columns * pitchX, Math.ceil(order.length / columns) * pitchY];
  const style = getComputedStyle(grid.root);
  const [ink, muted] = ["var(--ink)", "var(--muted)"].map((colour) => `rgb(${rgb(grid.root, colour)})`);
  const lettering = { ink, muted, font: style.fontFamily };
  return { tile, ratio: tile.ratio, gaps: [0, 0], pitchX, pitchY, order, columns, top, width, height, ...lettering };
}

function sizeCanvas(canvas, { width, height, ratio }) {
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
}

/** All heads at one pixel for each cell, in the colours of this theme. */
function paintAtlas({ root, data, weights, layout }) {
  const { layers, heads, rows, columns: cols } = data.shape;
  const { cells } = layout.tile;
  const [low, high] = [rgb(root, "var(--ramp-low)"), rgb(root, "var(--ramp-high)")];
  const ramp = Uint32Array.from({ length: 256 }, (_, i) => pixel(mix(low, high, i / 255)));
  const picture = new ImageData(heads * cells.cols, layers * cells.rows);
  const pixels = new Uint32Array(picture.data.buffer);
  for (let index = 0; index < layers * heads; index += 1) {
    const pooled = pool(weights.subarray(index * rows * cols, (index + 1) * rows * cols), { rows, cols, cells });
    pooled.forEach((value, cell) => {
      const y = Math.floor(index / heads) * cells.rows + Math.floor(cell / cells.cols);
      const x = (index % heads) * cells.cols + (cell % cells.cols);
      pixels[y * picture.width + x] = ramp[value];
    });
  }
  const atlas = new OffscreenCanvas(picture.width, picture.height);
  atlas.getContext("2d").putImageData(picture, 0, 0);
  return atlas;
}

/** A colour as one number in canvas memory: alpha, blue, green, red. */
const pixel = ([red, green, blue]) => (255 << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red);

/** Fewer cells, each the largest of those it stands for: a needle survives. */
function pool(tile, { rows, cols, cells }) {
  if (cells.rows === rows && cells.cols === cols) return tile;
  const pooled = new Uint8Array(cells.rows * cells.cols);
  tile.forEach((value, i) => {
    const row = Math.floor((Math.floor(i / cols) * cells.rows) / rows);
    const cell = row * cells.cols + Math.floor(((i % cols) * cells.cols) / cols);
    pooled[cell] = Math.max(pooled[cell], value);
  });
  return pooled;
}

/** Where one head's picture lies in the atlas: x, y, width, height. */
const source = ({ heads }, { cells }, index) => [
  (index % heads) * cells.cols,
  Math.floor(index / heads) * cells.rows,
  cells.cols,
  cells.rows,
];

/**
 * Charts by keyboard: a heatmap takes the focus, arrow keys walk from cell to cell, Home and End to the ends of a row.
 * What pointing at the cell would show is shown, and read aloud. The tools of a chart are one stop of the Tab key.
 *
 * data = {instruction}: which keys there are, said after the picture's own description.
 */

const HOVER_TIME = 120; // milliseconds until Plotly has drawn what belongs to a cell

const walkers = new WeakMap(); // chart -> Walker

export default function ({ data, parentElement }) {
  const spoken = parentElement.querySelector(".spoken");
  let waiting = 0;
  const attend = () => {
    waiting = 0;
    for (const chart of document.querySelectorAll(".js-plotly-plot")) attendTo(chart, data.instruction, spoken);
  };
  const watch = new MutationObserver(() => (waiting ||= setTimeout(attend, 200)));
  watch.observe(document.body, { childList: true, subtree: true });
  attend();
  return () => {
    watch.disconnect();
    clearTimeout(waiting);
  };
}

function attendTo(chart, instruction, spoken) {
  gatherTools(chart.querySelector(".modebar"));
  if (heatmapOf(chart) === undefined) return;
  if (!walkers.has(chart)) walkers.set(chart, new Walker(chart));
  walkers.get(chart).describe(instruction, spoken);
}

/** What Plotly has computed of the heatmap of a chart. */
const heatmapOf = (chart) => chart.calcdata?.find(([first]) => first?.trace?.type === "heatmap")?.[0];

class Walker {
  row = 0;
  column = 0;

  constructor(chart) {
    this.chart = chart;
    chart.tabIndex = 0;
    chart.addEventListener("keydown", (event) => this.walk(event));
    chart.addEventListener("focus", () => this.point());
    chart.addEventListener("blur", () => this.leave());
  }

  /** The description of the picture stands on the figure around it. */
  describe(instruction, spoken) {
    this.spoken = spoken;
    this.chart.setAttribute("role", "application");
    this.chart.setAttribute("aria-label", instruction);
  }

  walk(event) {
    const { z } = heatmapOf(this.chart);
    const [lastRow, lastColumn] = [z.length - 1, z[0].length - 1];
    const moves = {
      ArrowUp: [this.row - 1, this.column],
      ArrowDown: [this.row + 1, this.column],
      ArrowLeft: [this.row, this.column - 1],
      ArrowRight: [this.row, this.column + 1],
      Home: [this.row, 0],
      End: [this.row, lastColumn],
    };
    if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [row, column] = moves[event.key];
    this.row = Math.min(Math.max(row, 0), lastRow);
    this.column = Math.min(Math.max(column, 0), lastColumn);
    this.point();
  }

  /** Points at the cell as a mouse would. */
  point() {
    const { x, y, z } = heatmapOf(this.chart);
    this.row = Math.min(this.row, z.length - 1);
    this.column = Math.min(this.column, z[0].length - 1);
    const { xaxis, yaxis } = this.chart._fullLayout;
    const middle = (edges, place) => (edges[place] + edges[place + 1]) / 2;
    const { left, top } = this.chart.getBoundingClientRect();
    const place = {
      clientX: left + xaxis._offset + xaxis.c2p(middle(x, this.column)),
      clientY: top + yaxis._offset + yaxis.c2p(middle(y, this.row)),
    };
    this.area()?.dispatchEvent(new MouseEvent("mousemove", { ...place, bubbles: true }));
    clearTimeout(this.saying);
    this.saying = setTimeout(() => this.say(z[this.row][this.column]), HOVER_TIME);
  }

  /** Reads aloud what stands beside the cell; a cell that is empty shows nothing. */
  say(value) {
    const lines = [...this.chart.querySelectorAll(".hoverlayer .hovertext text.nums")];
    const text = lines.map((line) => spaced(line)).join(", ");
    this.spoken.textContent = value === null || value === undefined || !text ? "–" : text;
    this.chart.dataset.cell = `${this.row},${this.column}`;
  }

  leave() {
    clearTimeout(this.saying);
    this.area()?.dispatchEvent(new MouseEvent("mouseout", { bubbles: true }));
  }

  area() {
    return this.chart.querySelector(".nsewdrag");
  }
}

/** One stop of the Tab key for all tools of a chart; arrow keys lead from one to the next. */
function gatherTools(bar) {
  const tools = [...(bar?.querySelectorAll("button") ?? [])];
  if (!tools.length || tools.filter((tool) => tool.tabIndex === 0).length === 1) return;
  for (const tool of tools) tool.tabIndex = -1;
  tools[0].tabIndex = 0;
  bar.setAttribute("role", "toolbar");
  if (bar.dataset.gathered) return;
  bar.dataset.gathered = "true";
  bar.addEventListener("keydown", (event) => stepTools(bar, event));
}

function stepTools(bar, event) {
  const tools = [...bar.querySelectorAll("button")];
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const here = tools.indexOf(event.target.closest("button"));
  if (!step || here < 0) return;
  event.preventDefault();
  event.stopPropagation();
  const next = tools[(here + step + tools.length) % tools.length];
  tools[here].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

/** The text of some lines of a drawing, with spaces between them. */
const spaced = (text) => {
  const lines = [...text.querySelectorAll("tspan.line")];
  return (lines.length ? lines : [text]).map((line) => line.textContent).join(" ");
};

/* The two cards below the text: what a word remembers, and who remembers it. */

/** One card: a title, the names of the columns, a row for each link. Rows are kept and reused. */
class Card {
  rows = [];
  opens = false;

  constructor(root, { onJump, onOpen }) {
    this.root = root;
    this.title = root.querySelector("h2");
    this.order = root.querySelector(".order");
    this.empty = root.querySelector(".empty");
    this.table = root.querySelector(".table");
    this.head = cardRow({ head: true });
    this.table.addEventListener("click", (event) => {
      const row = event.target.closest("button")?.closest(".row");
      if (!row) return;
      if (event.target.closest(".link")) onJump(Number(row.dataset.index));
      else onOpen(row.dataset);
    });
  }

  /** May a head be opened from here? Its name is a button then, in rows that are made anew. */
  letOpen(opens) {
    if (opens !== this.opens) this.rows = [];
    this.opens = opens;
  }

  sayColumns({ labels, order }) {
    const names = [labels.word, "", labels.weight, labels.lift, labels.head];
    this.head.cells.forEach((cell, i) => (cell.textContent = names[i]));
    this.order.textContent = labels[`order_${order}`];
  }

  fill({ word, rows, name, labels }) {
    writeTitle(this.title, { template: labels[name], word });
    this.order.hidden = rows.length === 0;
    this.empty.textContent = rows.length ? "" : word === null ? labels.choose : labels[`${name}_none`];
    while (this.rows.length < rows.length) this.rows.push(cardRow({ head: false, opens: this.opens }));
    rows.forEach((row, i) => writeRow(this.rows[i], row));
    const table = rows.length ? [this.head, ...this.rows.slice(0, rows.length)] : [];
    this.table.replaceChildren(...table.map((row) => row.element));
    this.sayTable(rows.length > 0);
  }

  /** A table without rows is none. */
  sayTable(hasRows) {
    const meaning = hasRows ? { role: "table", "aria-label": this.title.textContent } : {};
    for (const name of ["role", "aria-label"]) {
      if (name in meaning) this.table.setAttribute(name, meaning[name]);
      else this.table.removeAttribute(name);
    }
  }
}

/** Word, bar, weight, lift, head: five cells. */
function cardRow({ head, opens = false }) {
  const row = element("div", head ? "row head" : "row");
  row.setAttribute("role", "row");
  const cells = ["", "", "number", "number", "tagged"].map((name) => element("span", name));
  cells.forEach((cell, i) => cell.setAttribute("role", i === 1 ? "presentation" : head ? "columnheader" : "cell"));
  row.append(...cells);
  if (head) return { element: row, cells };
  row.dataset.testid = "memviz-row";
  return { element: row, cells, ...furnish(cells, opens) };
}

function furnish([word, bar, weight, lift, head], opens) {
  const tag = element(opens ? "button" : "span", "tag");
  const parts = { link: element("button", "link"), bar: element("span", "bar"), weight, lift, tag };
  if (opens) tag.type = "button";
  const track = element("span", "track");
  parts.link.type = "button";
  parts.link.dir = "auto";
  track.append(parts.bar);
  word.append(parts.link);
  bar.append(track);
  head.append(parts.tag);
  return parts;
}

function writeRow(row, { index, word, weight, lift, layer, head }) {
  Object.assign(row.element.dataset, { index, weight, lift, head: headName(layer, head), layer, column: head });
  const [, name, place] = /^(.*?)( #\d+)?$/s.exec(word);
  row.link.replaceChildren(element("span", "name", name), element("span", "place", place ?? ""));
  row.link.title = word;
  row.bar.style.setProperty("--share", Math.min(1, weight));
  row.weight.textContent = percent(weight);
  row.lift.textContent = times(lift);
  row.tag.textContent = headName(layer, head);
}

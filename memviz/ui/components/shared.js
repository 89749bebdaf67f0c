/* Put in front of every component's script: bytes in, colours out, small words. */

/** One array of the Arrow row that Python packed. Copied, because a view may be unaligned. */
const array = (table, name, Type) => new Type(table.getChild(name).get(0).slice().buffer);

/** The attention head as it is written everywhere: L5.H11. */
const headName = (layer, head) => `L${layer}.H${head}`;

/** A sentence with its {places} filled. */
const fillPlaces = (template, values) => template.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);

/** A new element with a class and some text. Text only: tokens are never trusted. */
const element = (tag, className = "", text = "") => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
};

/** What a colour of the style sheet is on this page, as [red, green, blue], 0 to 255. */
const rgb = (root, colour) => {
  const probe = element("span");
  probe.style.color = colour;
  root.append(probe);
  const pen = new OffscreenCanvas(1, 1).getContext("2d");
  pen.fillStyle = getComputedStyle(probe).color;
  probe.remove();
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
};

/** A colour between two others, the way color-mix(in srgb) does it. */
const mix = (from, to, share) => from.map((channel, i) => channel + (to[i] - channel) * share);

const PHONE = 640; // pixels: up to here Streamlit puts columns one below the other

/** After a tap, what changed comes into sight where it stands below: on a phone, where all is one column. */
function bringIntoSight(part) {
  const { top, bottom, height } = part.getBoundingClientRect();
  const isSeen = top >= 0 && (bottom <= innerHeight || top < innerHeight / 2);
  if (innerWidth > PHONE || !height || isSeen) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  part.scrollIntoView({ block: height < innerHeight * 0.8 ? "nearest" : "start", behavior: still ? "auto" : "smooth" });
}

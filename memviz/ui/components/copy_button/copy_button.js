/**
 * A button that copies a link.
 *
 * data = {label, text, done, byHand}: the words on the button, what is copied, what is said then, and what is said
 * beside the text where the browser lets no page copy.
 */

const buttons = new WeakMap();

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".memviz.copy");
  if (!buttons.has(root)) {
    buttons.set(root, {});
    root.querySelector("button").addEventListener("click", () => copyLink(root, buttons.get(root).data));
  }
  if (buttons.get(root).data?.text !== data.text) forget(root);
  buttons.get(root).data = data;
  root.querySelector("button").textContent = data.label;
}

/** Another link stands behind the button now: nothing was copied of it. */
function forget(root) {
  root.querySelector(".said").textContent = "";
  root.querySelector("input").hidden = true;
}

async function copyLink(root, { label, text, done, byHand }) {
  const box = root.querySelector("input");
  const isCopied = (await writeClipboard(text)) || copySelection(box, text);
  box.hidden = isCopied;
  box.setAttribute("aria-label", label);
  root.querySelector(".said").textContent = isCopied ? done : byHand;
  if (!isCopied) box.select();
}

async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not allowed, or the page did not come by https
  }
}

/** The old way, which works by http too. */
function copySelection(box, text) {
  box.hidden = false;
  box.value = text;
  box.select();
  return document.execCommand("copy");
}

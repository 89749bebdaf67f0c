/**
 * Put behind a component's script: the component in a notebook, where a model takes the place of Streamlit.
 *
 * The model holds `drawing` and `arrays`, which are what the component calls `data`, and `pinned`, which either side may
 * change. Markup and style stand in a shadow root, so that a notebook's style and the component's leave each other alone.
 */

/** Arrays as the component reads them: a table of columns of one cell. */
const tableOf = (arrays) => ({
  getChild: (name) => ({ get: () => new Uint8Array(arrays[name].buffer, arrays[name].byteOffset, arrays[name].byteLength) }),
});

/** Is the page dark? JupyterLab, VS Code and Colab say so each in their way; elsewhere the reader's system decides. */
function schemeOf({ body, documentElement }) {
  const { jpThemeLight, vscodeThemeKind } = body.dataset;
  const theme = documentElement.getAttribute("theme"); // Colab
  if (jpThemeLight) return jpThemeLight === "true" ? "light" : "dark";
  if (vscodeThemeKind) return /light$/.test(vscodeThemeKind) ? "light" : "dark";
  return ["light", "dark"].includes(theme) ? theme : "light dark";
}

/** Dresses an element as the page is dressed, also after a notebook that is open has changed its theme; gives the end. */
function followScheme(el) {
  const dress = () => {
    el.style.colorScheme = schemeOf(document);
  };
  const watch = new MutationObserver(dress);
  for (const node of [document.body, document.documentElement]) watch.observe(node, { attributes: true });
  dress();
  return () => watch.disconnect();
}

const HOST = `:host { display: block; }
.memviz {
  --st-background-color: var(--jp-layout-color0, var(--vscode-editor-background));
  padding: 8px 12px;
  background: var(--paper);
}
${STYLE}`;

/** What the component shows a pin as: a word's place, or null. */
const pinOf = ({ side, index }) => (index === null || side === undefined ? index : { side, index });

const samePin = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

function render({ model, el }) {
  const root = el.attachShadow({ mode: "open" });
  const id = `widget-${Math.random().toString(36).slice(2)}`; // crypto.randomUUID is not there on a server without TLS
  let turn = 0;
  let reported; // the pin that was set here, which Python will say back
  let leave;

  const setStateValue = (name, value) => {
    if (name !== "word") return;
    reported = pinOf(value);
    model.set("pinned", reported);
    model.save_changes();
  };
  const draw = () => {
    const data = { ...model.get("drawing"), arrays: tableOf(model.get("arrays")), id, turn, pinned: model.get("pinned") };
    leave = mount({ data, parentElement: root, setStateValue, setTriggerValue() {} });
  };
  const follow = () => {
    if (samePin(model.get("pinned"), reported)) return;
    reported = model.get("pinned");
    turn += 1;
    draw();
  };

  root.append(...new DOMParser().parseFromString(MARKUP, "text/html").body.childNodes);
  const style = document.createElement("style");
  style.textContent = HOST;
  root.prepend(style);
  model.on("change:drawing", draw);
  model.on("change:pinned", follow);
  const unfollow = followScheme(el);
  draw();
  return () => {
    model.off("change:drawing", draw);
    model.off("change:pinned", follow);
    unfollow();
    leave?.();
  };
}

export default { render };

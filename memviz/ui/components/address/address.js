/**
 * The address bar, the tab's history and the texts of the tab.
 *
 * data = {
 *   query              the address as the page wants it, without "?"
 *   texts: {box: text} what was typed; kept in the tab (session storage, and each entry of its history), never in query
 *   run                another in every run, so that every run is heard of
 *   seen               the serial of the report that Python took last, or null
 *   follows            did this run follow the address? Then nobody made a choice in it
 * }
 * What the tab remembers and the page does not show is reported, once in each serial:
 * setStateValue("report", {query, texts, serial}).
 * A choice makes one new entry; what the page puts right by itself belongs to the entry that is there.
 */

const STORE = "memviz.texts";
const EMBEDDING = ["embed", "embed_options"]; // Streamlit's own, which Python does not see

export default function ({ data, setStateValue }) {
  globalThis.memvizAddress ??= new AddressBar();
  const bar = globalThis.memvizAddress;
  bar.tell = (report) => setStateValue("report", report);
  bar.update(data);
}

class AddressBar {
  isNew = true; // the page was loaded, and nothing was written yet
  isMoved = false; // the person went back or forward, and the page has not followed yet
  report = null; // what Python has not taken yet
  path = null; // of the entry that was written last
  texts = null; // of that entry

  constructor() {
    window.addEventListener("popstate", () => (this.isMoved = true));
  }

  update(data) {
    const isPending = this.report !== null && this.report.serial !== data.seen;
    if (!isPending) this.report = null;
    if (isPending) this.tell(this.report);
    else if (this.isNew) this.begin(data);
    else if (this.isMoved) this.follow(data);
    else this.write(data, data.follows || this.path !== location.pathname ? "replaceState" : "pushState");
  }

  /** The page was loaded: a tab that was here before has its texts, unless the link brings others. */
  begin(data) {
    this.isNew = false;
    this.isMoved = false;
    const texts = history.state?.memviz ?? stored();
    if (texts && !sameTexts(texts, data.texts) && !new URLSearchParams(location.search).has("text")) this.ask(texts);
    else this.write(data, "replaceState");
  }

  /** Back or Forward: the page has the address from Streamlit, and the texts of the entry from here. */
  follow(data) {
    this.isMoved = false;
    const texts = history.state?.memviz ?? data.texts;
    if (!data.follows || !sameTexts(texts, data.texts)) this.ask(texts);
    else this.write(data, "replaceState");
  }

  ask(texts) {
    this.report = { query: location.search.slice(1), texts, serial: Date.now() };
    this.tell(this.report);
  }

  write({ query, texts }, how) {
    const search = withEmbedding(query);
    const isSame = location.search === search && this.path === location.pathname && sameTexts(texts, this.texts ?? {});
    Object.assign(this, { path: location.pathname, texts });
    attempt(() => sessionStorage.setItem(STORE, JSON.stringify(texts)));
    if (isSame) return;
    const url = location.pathname + search + location.hash;
    const isKept = attempt(() => history[how]({ memviz: texts }, "", url));
    if (!isKept) history[how]({}, "", url); // the text is too long
  }
}

function withEmbedding(query) {
  const here = new URLSearchParams(location.search);
  const more = new URLSearchParams(EMBEDDING.flatMap((name) => here.getAll(name).map((value) => [name, value])));
  const parts = [query, more.toString()].filter(Boolean).join("&");
  return parts && `?${parts}`;
}

/** The texts that the tab kept; null where there are none, or none that can be read. */
function stored() {
  let texts = null;
  attempt(() => (texts = JSON.parse(sessionStorage.getItem(STORE))));
  return texts;
}

const sameTexts = (some, others) => [...new Set([...Object.keys(some), ...Object.keys(others)])].every(
  (name) => (some[name] ?? "") === (others[name] ?? ""),
);

/** Did it work? Storage may be full, or shut by the browser's settings. */
function attempt(action) {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

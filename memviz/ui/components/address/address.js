/**
 * The address bar, the tab's history and the texts of the tab.
 *
 * data = {
 *   query              the address as the page wants it, without "?"
 *   texts: {box: text} what was typed; kept in the tab (session storage, whose parts the history names), never in query
 *   run                another in every run, so that every run is heard of
 *   seen               the serial of the report that Python took last, or null
 *   follows            did this run follow the address? Then nobody made a choice in it
 *   forgets            does the tab let go of all texts that it kept? No entry of its history has one then
 * }
 * What the tab remembers and the page does not show is reported, once in each serial:
 * setStateValue("report", {query, texts, serial}).
 * A choice makes one new entry; what the page puts right by itself belongs to the entry that is there.
 */

const STORE = "memviz.texts"; // those of the page that is open
const HISTORY = "memviz.history"; // [[id, texts], …]: an entry of the tab's history holds the id alone
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
    if (data.forgets) this.forget();
    const isPending = this.report !== null && this.report.serial !== data.seen;
    if (!isPending) this.report = null;
    if (isPending) this.tell(this.report);
    else if (this.isNew) this.begin(data);
    else if (this.isMoved) this.follow(data);
    else this.write(data, data.follows || data.forgets || this.path !== location.pathname ? "replaceState" : "pushState");
  }

  /** The page was loaded: a tab that was here before has its texts, unless the link brings others. */
  begin(data) {
    this.isNew = false;
    this.isMoved = false;
    const texts = textsOfEntry() ?? read(STORE);
    if (texts && !sameTexts(texts, data.texts) && !new URLSearchParams(location.search).has("text")) this.ask(texts);
    else this.write(data, "replaceState");
  }

  /** Back or Forward: the page has the address from Streamlit, and the texts of the entry from here. */
  follow(data) {
    this.isMoved = false;
    const texts = textsOfEntry() ?? data.texts;
    if (!data.follows || !sameTexts(texts, data.texts)) this.ask(texts);
    else this.write(data, "replaceState");
  }

  ask(texts) {
    this.report = { query: location.search.slice(1), texts, serial: Date.now() };
    this.tell(this.report);
  }

  /** The tab lets go of all texts, those of other entries too, and of what Python was told of them. */
  forget() {
    for (const name of [STORE, HISTORY]) attempt(() => sessionStorage.removeItem(name));
    if (this.report !== null) this.tell(null);
    Object.assign(this, { report: null, texts: null, isMoved: false });
  }

  write({ query, texts }, how) {
    const search = withEmbedding(query);
    const isSame = location.search === search && this.path === location.pathname && sameTexts(texts, this.texts ?? {});
    Object.assign(this, { path: location.pathname, texts });
    attempt(() => sessionStorage.setItem(STORE, JSON.stringify(texts)));
    if (isSame) return;
    const url = location.pathname + search + location.hash;
    history[how]({ memviz: keep(texts) }, "", url);
  }
}

/** The id under which the tab's history finds these texts again; null where they are too long to be kept. */
function keep(texts) {
  const entries = read(HISTORY) ?? [];
  const last = entries.at(-1);
  if (last && sameTexts(last[1], texts)) return last[0];
  const id = `${Date.now()}-${entries.length}`;
  const isKept = attempt(() => sessionStorage.setItem(HISTORY, JSON.stringify([...entries, [id, texts]])));
  return isKept ? id : null;
}

/** The texts of the entry that is open; null where it has none, or the tab has let go of them. */
function textsOfEntry() {
  const id = history.state?.memviz;
  return (id && read(HISTORY)?.find(([known]) => known === id)?.[1]) ?? null;
}

function withEmbedding(query) {
  const here = new URLSearchParams(location.search);
  const more = new URLSearchParams(EMBEDDING.flatMap((name) => here.getAll(name).map((value) => [name, value])));
  const parts = [query, more.toString()].filter(Boolean).join("&");
  return parts && `?${parts}`;
}

/** What the tab kept under this name; null where there is nothing, or nothing that can be read. */
function read(name) {
  let value = null;
  attempt(() => (value = JSON.parse(sessionStorage.getItem(name))));
  return value;
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

/* What is said of a word: rows and bars for the card, a sentence for a screen reader. */

/** How is a word called, where others of its row may be written alike? */
const nameOf = ({ sources, targets, names }, { side, index }) =>
  visible(names[side][index] ?? (side === "source" ? sources : targets)[index]);

/** What the card shows of this word and its links. */
function factsOf({ data, known, rest, tokens }, spot, links) {
  const isTarget = spot.side === "target";
  const isKnown = !isTarget || Boolean(known[spot.index]);
  return {
    side: spot.side,
    word: nameOf(data, spot),
    rows: links.map((link) => ({
      ...otherEnd(link, spot),
      weight: link.weight,
      word: nameOf(data, otherEnd(link, spot)),
      head: data.heads.length ? { number: link.head, name: data.heads[link.head] } : null,
    })),
    rest: isTarget && isKnown ? rest[spot.index] : 0,
    tokens: isTarget ? tokens(spot.index) : [],
    known: isKnown,
  };
}

/** The strongest link in words. */
function sentence({ data, known }, spot, top) {
  const { labels } = data;
  if (spot.side === "target" && !known[spot.index]) return labels.unknown;
  if (!top) return spot.side === "target" ? labels.read_from_none : labels.read_by_none;
  const values = { word: nameOf(data, spot), top: nameOf(data, otherEnd(top, spot)), weight: percent(top.weight) };
  return fillPlaces(labels[`announce_${spot.side}`], values);
}

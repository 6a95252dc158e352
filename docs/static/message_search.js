// Finds the sentence that a run has ended with, whatever the run has filled in.
const wordsOf = (text) => new Set(splitQuery(text.toLowerCase()));
const titleOf = (page) => Search._index.titles[Search._index.docnames.indexOf(page)];
const searchPages = Search._performSearch;
Search._performSearch = (query, ...terms) => {
  const typed = wordsOf(query);
  const alike = MESSAGES.flatMap(([page, anchor, text]) => {
    const words = [...wordsOf(text)];
    const shared = words.filter((word) => typed.has(word)).length;
    const score = 1000 + shared;
    const whole = shared > 2 && shared >= 0.8 * words.length;
    const part = shared > 4 && shared >= 0.65 * typed.size;
    return whole || part
      ? [[page, text, anchor, `in ${titleOf(page)}`, score, page, "text"]]
      : [];
  });
  alike.sort((one, other) => one[4] - other[4]); // the last is shown first
  return [...searchPages(query, ...terms), ...alike.slice(-5)];
};

"use strict";
// The page is whole without this: it adds sorting and a filter to tables.
const number = (text) => (/^[-+<]?\.?\d/.test(text) ? parseFloat(text.replace("<", "")) : NaN);

function compare(one, other) {
  const [a, b] = [number(one), number(other)];
  if (!isNaN(a) && !isNaN(b)) return a - b;
  return isNaN(a) - isNaN(b) || one.localeCompare(other, "en");
}

function sort(table, column, heads) {
  const head = heads[column];
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const one of heads) one.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const text = (row) => row.cells[column].textContent.trim();
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => (down ? -1 : 1) * compare(text(a), text(b)));
  table.tBodies[0].append(...rows);
}

for (const table of document.querySelectorAll("table.sorts")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(table, column, heads));
    head.append(button);
  });
}

for (const table of document.querySelectorAll("table.filters")) {
  const [box, label, input, count] = ["div", "label", "input", "span"].map((name) =>
    document.createElement(name));
  const rows = [...table.tBodies[0].rows];
  box.className = "filter";
  input.type = "search";
  input.id = table.id + "-filter";
  label.htmlFor = input.id;
  label.textContent = "Show rows with";
  count.setAttribute("role", "status");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    count.textContent = rows.filter((row) => !row.hidden).length + " of " + rows.length;
  });
  box.append(label, input, count);
  table.parentElement.before(box);
}

// A number may lead to a row that the filter hides.
addEventListener("hashchange", () => {
  const goal = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (goal && goal.hidden) {
    const input = document.getElementById(goal.closest("table").id + "-filter");
    input.value = "";
    input.dispatchEvent(new Event("input"));
    goal.scrollIntoView();
  }
});

"use strict";
// A click on a header, or Enter on it, sorts its table; a second one turns the order round.
for (const table of document.querySelectorAll("table")) {
  table.querySelectorAll("th").forEach((header, column) => {
    header.querySelector("button")?.addEventListener("click", () => sort(table, header, column));
  });
}

function sort(table, header, column) {
  const order = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  table.querySelectorAll("th").forEach((other) => other.setAttribute("aria-sort", "none"));
  header.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const body = table.tBodies[0];
  const lines = [...body.rows].sort((a, b) => sign * compare(a.cells[column], b.cells[column]));
  body.append(...lines);
}

function compare(one, other) {
  const [a, b] = [one.dataset.key, other.dataset.key];
  if (one.className !== "number") return a.localeCompare(b);
  const [x, y] = [a, b].map((key) => (key === "inf" ? Infinity : Number(key)));
  return x < y ? -1 : Number(x > y);
}

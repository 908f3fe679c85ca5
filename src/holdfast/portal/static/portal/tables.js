// Tables that turn into cards on a narrow page change their CSS display, and some browsers then forget that they are
// tables; roles in so many words keep rows and headings for screen readers.
const ROLES = [
  ["thead, tbody, tfoot", "rowgroup"],
  ["tr", "row"],
  ["td", "cell"],
  ["thead th", "columnheader"],
  ["tbody th", "rowheader"],
];

export function start() {
  for (const table of document.querySelectorAll(".table-cards")) {
    table.setAttribute("role", "table");
    for (const [selector, role] of ROLES) {
      for (const part of table.querySelectorAll(selector)) part.setAttribute("role", role);
    }
  }
}

// Following a link to a receipt opens it.
const open = () => { const target = document.getElementById(location.hash.slice(1)); if (target?.tagName === "DETAILS") target.open = true; };
addEventListener("hashchange", open);
open();
// On paper nothing can be opened.
let shut = [];
addEventListener("beforeprint", () => { shut = [...document.querySelectorAll("details:not([open])")]; for (const one of shut) one.open = true; });
addEventListener("afterprint", () => { for (const one of shut) one.open = false; });
// Sorts a table by the clicked column: by number if any cell starts with one, otherwise as text. Cells without a value,
// and words among numbers such as "none", stay last.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const th = button.closest("th"), body = th.closest("table").tBodies[0];
    const down = th.getAttribute("aria-sort") === "ascending";
    const text = row => row.cells[th.cellIndex].textContent.replace(/,/g, "").replace("−", "-");
    const numeric = [...body.rows].some(row => !Number.isNaN(parseFloat(text(row))));
    const key = row => numeric ? parseFloat(text(row)) : text(row);
    const missing = value => value === "" || Number.isNaN(value) ? 1 : 0;
    const compare = (a, b) => {
      if (missing(a) || missing(b)) return missing(a) - missing(b);
      return (down ? -1 : 1) * (numeric ? a - b : a.localeCompare(b));
    };
    for (const other of th.parentNode.cells) other.removeAttribute("aria-sort");
    th.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...[...body.rows].sort((a, b) => compare(key(a), key(b))));
  });
}

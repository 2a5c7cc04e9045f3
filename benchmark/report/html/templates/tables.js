
// Numbers before text before nothing, whichever way the column is sorted.
const order = new Intl.Collator("en", { numeric: true });
function keyOf(cell) {
  const text = cell.textContent.trim();
  const number = Number(cell.dataset.value ?? (text || NaN));
  return Number.isNaN(number) ? (text ? [1, text] : [2, ""]) : [0, number];
}
function compare([kind, a], [otherKind, b], sign) {
  if (kind !== otherKind) return kind - otherKind;
  return sign * (kind === 0 ? (a > b) - (a < b) : order.compare(a, b));
}

function makeSortable(table) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  if (original.length < 2) return;
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = make("button", { type: "button" }, ...head.childNodes);
    button.onclick = () => {
      const next = { none: "ascending", ascending: "descending", descending: "none" };
      const way = next[head.getAttribute("aria-sort")];
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", way);
      const sign = way === "ascending" ? 1 : -1;
      const keyed = original.map((row) => [keyOf(row.cells[column]), row]);
      if (way !== "none") keyed.sort(([a], [b]) => compare(a, b, sign));
      body.append(...keyed.map(([, row]) => row));
    };
    head.setAttribute("aria-sort", "none");
    head.append(button);
  });
}

// Fewer rows are read at a glance.
const WORTH_FILTERING = 12;

function makeFilterable(table) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < WORTH_FILTERING) return;
  const selects = new Map();
  for (const head of all("th[data-filter]", table)) {
    const texts = new Set(rows.map((row) => row.cells[head.cellIndex].textContent.trim()));
    if (texts.size < 2) continue;
    const select = make("select", {}, make("option", { value: "", textContent: "all" }));
    // A value of its own, since a name may be empty or "all".
    for (const text of texts) select.append(make("option", { value: `=${text}`, textContent: text || "(empty)" }));
    selects.set(head.cellIndex, [head.textContent.trim(), select]);
  }
  if (!selects.size) return;
  const count = make("output");
  const reset = make("button", { type: "button", textContent: "Reset" });
  const apply = () => {
    let shown = 0;
    for (const row of rows) {
      row.hidden = [...selects].some(([column, [, { value }]]) =>
        value && value !== `=${row.cells[column].textContent.trim()}`);
      shown += !row.hidden;
    }
    count.textContent = `${shown} of ${rows.length} rows`;
    reset.disabled = shown === rows.length;
  };
  reset.onclick = () => {
    for (const [, select] of selects.values()) select.value = "";
    apply();
  };
  const labels = [...selects.values()].map(([name, select]) => {
    select.onchange = apply;
    return make("label", {}, name, select);
  });
  const filters = make("div", { className: "filters", role: "group" }, ...labels, reset, count);
  filters.setAttribute("aria-label", `Filter: ${table.caption.textContent.trim()}`);
  table.closest(".scroll").before(filters);
  apply();
}

// What scrolls can be reached by keyboard; what does not is no stop on the way.
function watchScrolling() {
  const watcher = new ResizeObserver((changes) => {
    for (const { target } of changes) {
      const scrolls = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
      if (scrolls || target.matches(".stepped")) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  for (const area of all(".scroll, .drawing, pre")) watcher.observe(area);
}

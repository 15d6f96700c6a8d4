// Search and sorting. The site can be used without this: every page is reached by links, every table is in its most useful order.
"use strict";

const root = document.documentElement.dataset.root;
const MOST = 30;

function made(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// --- tables -----------------------------------------------------------------------------------------------------------------

const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function keyOf(row, column) {
  const cell = row.cells[column];
  return cell.dataset.key ?? cell.textContent.trim();
}

function sort(table, header, column) {
  const first = header.dataset.sort === "most" ? "descending" : "ascending";
  const other = first === "descending" ? "ascending" : "descending";
  const direction = header.getAttribute("aria-sort") === first ? other : first;
  for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows].map((row) => [keyOf(row, column), row]);
  rows.sort((one, two) => sign * order.compare(one[0], two[0]));
  table.tBodies[0].append(...rows.map((pair) => pair[1]));
}

for (const table of document.querySelectorAll("table.rows")) {
  const headers = [...table.tHead.rows[0].cells];
  if (table.tBodies[0].rows.length < 2 || !headers.some((header) => "sort" in header.dataset)) continue;
  table.classList.add("sorts");
  headers.forEach((header, column) => {
    if (!("sort" in header.dataset)) return;
    const button = made("button", "", header.textContent);
    button.type = "button";
    button.addEventListener("click", () => sort(table, header, column));
    header.replaceChildren(button);
  });
}

// --- search -----------------------------------------------------------------------------------------------------------------

const form = document.querySelector("form.search");
const input = document.getElementById("search");
const list = document.getElementById("results");
const status = form.querySelector("[role=status]");
let loading = null;
let selected = -1;

function index() {
  // by a script element: a page that is a file may read no other file
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${root}static/search.js`;
    script.onload = () => resolve(window.searchIndex.map((row) => [row, `${row[1]} ${row[2]}`.toLowerCase()]));
    script.onerror = reject;
    document.head.append(script);
  });
  return loading;
}

function rank(row, text, words) {
  // 0 for no match; the whole name, then its beginning, then any part of it, then what it is
  if (!words.every((word) => text.includes(word))) return 0;
  const name = row[1].toLowerCase();
  const all = words.join(" ");
  return name === all ? 4 : name.startsWith(all) ? 3 : words.every((word) => name.includes(word)) ? 2 : 1;
}

function option([kind, name, note, page], number) {
  const link = made("a");
  link.id = `result-${number}`;
  link.href = root + page;
  link.tabIndex = -1;
  link.setAttribute("role", "option");
  link.setAttribute("aria-selected", "false");
  link.append(made("span", "kind", kind), made("span", "name", name));
  if (note) link.append(made("span", "note", note));
  return link;
}

function close() {
  list.hidden = true;
  selected = -1;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function select(number) {
  const options = list.querySelectorAll("[role=option]");
  if (!options.length) return;
  options[selected]?.setAttribute("aria-selected", "false");
  selected = (number + options.length) % options.length;
  options[selected].setAttribute("aria-selected", "true");
  options[selected].scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", options[selected].id);
}

function say(text) {
  status.textContent = text;
}

async function search() {
  const asked = input.value;
  const words = asked.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) {
    close();
    say("");
    return;
  }
  let rows;
  try {
    rows = await index();
  } catch {
    say("The search's index could not be loaded.");
    return;
  }
  if (input.value !== asked) return; // a newer search is on its way
  const found = rows.map(([row, text]) => [rank(row, text, words), row]).filter(([value]) => value);
  found.sort((one, two) => two[0] - one[0]);
  show(found.map(([, row]) => row));
}

function show(found) {
  close();
  const count = found.length === 1 ? "1 result" : `${found.length} results`;
  list.replaceChildren(...found.slice(0, MOST).map(option));
  if (!found.length) list.append(made("p", "nothing", "Nothing of that name."));
  if (found.length > MOST) list.append(made("p", "nothing", `and ${found.length - MOST} more: write more of the name`));
  list.hidden = false;
  input.setAttribute("aria-expanded", "true");
  say(count);
}

input.addEventListener("input", search);
input.addEventListener("focus", () => {
  index().catch(() => {});
  if (input.value) search();
});
input.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (list.hidden) search();
    else select(event.key === "ArrowDown" ? selected + 1 : selected < 0 ? -1 : selected - 1);
  } else if (event.key === "Escape") {
    close();
  }
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const options = list.querySelectorAll("[role=option]");
  const chosen = options[Math.max(selected, 0)];
  if (chosen && !list.hidden) chosen.click();
});
document.addEventListener("pointerdown", (event) => {
  if (!form.contains(event.target)) close();
});
form.addEventListener("focusout", (event) => {
  if (event.relatedTarget && !form.contains(event.relatedTarget)) close();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  event.preventDefault();
  input.focus();
  input.select();
});
form.hidden = false;

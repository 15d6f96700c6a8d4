// What a screen reader or a finger would miss: landmarks, names, headings, references, sizes.
const faults = [], all = selector => [...document.querySelectorAll(selector)];
const named = one => one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length || document.getElementById(one.getAttribute("aria-labelledby"));
const expect = (holds, what) => { if (!holds) faults.push(what); };
expect(document.documentElement.lang, "no language");
expect(document.title, "no title");
for (const [selector, count] of [["main", 1], ["body > header", 1], ["body > footer", 1], ["h1", 1], ["form[role=search]", 1]])
  expect(all(selector).length === count, `${selector}: ${all(selector).length}`);
const navs = all("nav").map(one => one.getAttribute("aria-label"));
expect(navs.every(Boolean) && new Set(navs).size === navs.length, `navigations: ${navs}`);
const levels = all("h1, h2, h3, h4").map(one => +one.tagName[1]);
expect(levels.every((level, place) => !place || level - levels[place - 1] <= 1), `headings: ${levels}`);
const ids = all("[id]").map(one => one.id);
expect(new Set(ids).size === ids.length, `ids twice: ${ids.filter((id, place) => ids.indexOf(id) !== place)}`);
for (const one of all("[aria-labelledby], [aria-describedby], [aria-controls]"))
  for (const key of ["aria-labelledby", "aria-describedby", "aria-controls"])
    for (const id of (one.getAttribute(key) ?? "").split(" ").filter(Boolean)) expect(document.getElementById(id), `${key}: no ${id}`);
for (const one of all("a, button, input, [role=img], table")) expect(named(one) || one.querySelector("title, caption"), `no name: ${one.outerHTML.slice(0, 80)}`);
for (const one of all("svg:not(svg svg)")) expect(one.getAttribute("role") === "img" || one.getAttribute("aria-hidden") === "true", `svg: ${one.outerHTML.slice(0, 80)}`);
for (const one of all("td, th")) expect(one.tagName === "TD" || one.scope, `a header without scope: ${one.textContent}`);
for (const list of all("ul, ol")) expect([...list.children].every(one => one.tagName === "LI"), "a list of something else");
for (const list of all("dl")) expect([...list.children].every(one => one.querySelector("dt") && one.querySelector("dd")), "a list of facts without one");
for (const one of all("[tabindex]")) expect(one.tabIndex <= 0, "a tab order of its own");
for (const one of all("main a, main button, header a, header input")) {
  const box = one.getBoundingClientRect();
  if (box.width && matchMedia("(max-width: 66rem)").matches && one.matches("button, input, header a, .parts a")) expect(box.height >= 24, `too low for a finger: ${one.textContent}`);
}
return faults;

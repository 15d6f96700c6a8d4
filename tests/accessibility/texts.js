// How many texts are seen, and those of them that stand out by less than 4.5:1.
const faint = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let count = 0;
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement, style = getComputedStyle(element), box = element.getBoundingClientRect();
  if (!walker.currentNode.textContent.trim() || !box.width || style.visibility === "hidden" || element.closest("title, desc, .unseen")) continue;
  count += 1;
  const under = ground(element), colour = parts(element instanceof SVGElement ? style.fill : style.color);
  const found = ratio(over(colour, under), under);
  if (found < 4.5) faint.push(`${element.tagName}.${element.getAttribute("class")}: ${found.toFixed(2)}: ${walker.currentNode.textContent.trim().slice(0, 30)}`);
}
return [count, faint];

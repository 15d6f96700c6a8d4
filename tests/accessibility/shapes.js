// The marks of pictures, and the bars of urgencies, that stand out by less than 3:1.
const faint = new Set();
for (const shape of document.querySelectorAll(".ages .stack path, .ages .stack circle, .ages .target line, .timeline .came, .timeline .went, .rollback, .adoption, .urgency")) {
  const style = getComputedStyle(shape), under = ground(shape.closest("figure") ?? shape.parentElement);
  const colour = shape instanceof SVGElement ? (style.fill === "none" || shape.tagName === "line" ? style.stroke : style.fill) : style.borderLeftColor;
  const found = ratio(over(parts(colour), under), under);
  if (found < 3) faint.add(`${shape.tagName}.${shape.getAttribute("class")}: ${found.toFixed(2)}`);
}
return [...faint];

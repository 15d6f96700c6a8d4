// How far a colour stands out from what is behind it, as WCAG 2 counts.
const parts = colour => { const found = colour.match(/[\d.]+/g).map(Number); return found.length < 4 ? [...found, 1] : found; };
const over = (top, under) => top.slice(0, 3).map((value, place) => value * top[3] + under[place] * (1 - top[3]));
const linear = value => (value /= 255) <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
const luminance = colour => [.2126, .7152, .0722].reduce((sum, share, place) => sum + share * linear(colour[place]), 0);
const ratio = (one, two) => { const [dark, light] = [luminance(one), luminance(two)].sort((a, b) => a - b); return (light + .05) / (dark + .05); };
function ground(element) {
  const layers = [];
  for (let one = element; one; one = one.parentElement) layers.push(parts(getComputedStyle(one).backgroundColor));
  return layers.reverse().reduce((under, top) => over(top, under), matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0] : [255, 255, 255]);
}

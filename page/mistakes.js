// The confusion matrix, whose counts are buttons that show their digits. CONFUSION stands before this script.

const { name, classes, counts, size: [height, width], mistakes } = CONFUSION;
const element = (id) => document.getElementById(id);
const [about, chosen, digits] = ["about", "chosen", "digits"].map(element);

// Rounding must not turn a doubt into a certainty.
function percent(probability) {
  const text = (100 * probability).toFixed(1);
  return text === "100.0" ? "> 99.9 %" : `${text} %`;
}

function made(tag, text = "", attributes = {}) {
  const node = document.createElement(tag);
  node.textContent = text;
  Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));
  return node;
}

function digit({ index, truth, predicted, probability, pixels }) {
  const figure = made("figure"), picture = new ImageData(width, height);
  const label = `sample ${index}: ${classes[truth]} taken for ${classes[predicted]}`;
  const canvas = made("canvas", "", { width, height, role: "img", "aria-label": label });
  // As in the other charts, ink is dark and paper is white.
  [...atob(pixels)].forEach((byte, at) => {
    const grey = 255 - byte.charCodeAt(0);
    picture.data.set([grey, grey, grey, 255], 4 * at);
  });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  figure.append(canvas, made("figcaption", `no. ${index}\n${percent(probability)}`));
  return figure;
}

function show(button, truth, predicted) {
  document.querySelectorAll("td button").forEach((other) => other.setAttribute("aria-pressed", other === button));
  const shown = mistakes.filter((mistake) => mistake.truth === truth && mistake.predicted === predicted);
  chosen.textContent = `${shown.length} × ${classes[truth]} taken for ${classes[predicted]}, the most confident first`;
  digits.replaceChildren(...shown.map(digit));
}

function cell(truth, predicted) {
  const count = counts[truth][predicted], td = made("td");
  if (truth === predicted) {
    td.className = "right";
    td.textContent = count;
  } else if (count > 0) {
    const label = `${classes[truth]} taken for ${classes[predicted]}: ${count}`;
    const button = made("button", count, { type: "button", "aria-pressed": false, "aria-label": label });
    button.addEventListener("click", () => show(button, truth, predicted));
    td.append(button);
  }
  return td;
}

const heading = made("tr");
heading.append(made("td"), ...classes.map((title) => made("th", title, { scope: "col" })));
document.querySelector("thead").append(heading);
for (const [truth, title] of classes.entries()) {
  const row = made("tr");
  row.append(made("th", title, { scope: "row" }), ...classes.map((_, predicted) => cell(truth, predicted)));
  document.querySelector("tbody").append(row);
}
const total = counts.flat().reduce((sum, count) => sum + count, 0);
about.textContent = `${name}: ${mistakes.length} of ${total} samples are taken for another class.`;

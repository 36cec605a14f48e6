// The pad: strokes by mouse, pen, finger or keyboard, and the answer as one draws. READER stands before this script:
// the networks, each with its name and its layers, and the probability below which an answer is doubtful.

const networks = READER.networks.map(({ name, layers }) => ({ name, layers: layers.map(unpacked) }));
const element = (id) => document.getElementById(id);
const [pad, pen, answer] = ["pad", "pen", "answer"].map(element);
const context = pad.getContext("2d", { willReadFrequently: true });
const PEN = 22;
// Paper around the pad, so that ink never touches the edge of the picture.
const MARGIN = 28;
// How far an arrow key moves the pen, alone and with Shift.
const STEPS = [10, 2];

// Each stroke is a list of points [x, y]; the last one is being drawn while `isDrawing`.
const strokes = [];
let isDrawing = false, isAwaited = false, keyboard = [140, 140];

function drawStrokes() {
  context.fillStyle = "white";
  context.fillRect(0, 0, pad.width, pad.height);
  Object.assign(context, { strokeStyle: "black", lineWidth: PEN, lineCap: "round", lineJoin: "round" });
  for (const points of strokes) {
    context.beginPath();
    context.moveTo(...points[0]);
    // A line to where it starts makes a dot of a single point.
    for (const point of points) context.lineTo(...point);
    context.stroke();
  }
}

// The ink of the pad with paper around it, from 0 (paper) to 1 (ink).
function inkOfPad() {
  const { data } = context.getImageData(0, 0, pad.width, pad.height);
  const ink = plane(pad.width, pad.height);
  for (let at = 0; at < ink.values.length; at++) ink.values[at] = 1 - data[4 * at] / 255;
  return withMargin(ink, MARGIN);
}

// Rounding must not turn a doubt into a certainty.
function percent(probability) {
  const text = (100 * probability).toFixed(1);
  return text === "100.0" ? "> 99.9 %" : `${text} %`;
}

const bestOf = (chances) => chances.indexOf(Math.max(...chances));

// A bar for each digit, below the network's name where there are several.
function bars({ name }, chances) {
  const list = document.createElement("ol"), heading = document.createElement("p");
  heading.textContent = networks.length > 1 ? name : "";
  for (const [digit, chance] of chances.entries()) {
    const row = document.createElement("li"), [name, track, share] = ["span", "div", "span"].map((tag) => document.createElement(tag));
    name.textContent = digit;
    share.textContent = percent(chance);
    track.appendChild(document.createElement("div")).style.width = `${100 * chance}%`;
    row.classList.toggle("best", chance > 0 && digit === bestOf(chances));
    row.append(name, track, share);
    list.append(row);
  }
  return [heading, list];
}

// A digit's 28 × 28 pixels and, for each network, its ten probabilities, which may be those of nothing.
function shown(values, answers) {
  const figure = element("digit").content.cloneNode(true);
  const seen = figure.querySelector("canvas"), best = bestOf(answers[0]);
  const pixels = new ImageData(28, 28);
  values.forEach((ink, at) => pixels.data.set([255 * ink, 255 * ink, 255 * ink, 255], 4 * at));
  seen.getContext("2d").putImageData(pixels, 0, 0);
  seen.setAttribute("aria-label", values.some((ink) => ink) ? `a ${best} in 28 by 28 pixels` : "28 by 28 empty pixels");
  figure.firstElementChild.append(...networks.flatMap((network, index) => bars(network, answers[index])));
  return figure;
}

// Each digit of the ink with its 28 × 28 pixels and, for each network, its probabilities; the marks between them, and
// whether there is more than both. Where digits may touch, the last network decides, as `classify.rs` does.
function readInk(ink) {
  const writing = writingOn(ink), marks = writing.marks.map((mark) => [...mark]);
  const read = (part) => {
    const values = inputOf(part, ink);
    return { values, chances: networks.map(({ layers }) => probabilities(layers, values)) };
  };
  const least = (digits) => Math.min(...digits.map(({ chances }) => Math.max(...chances.at(-1))));
  const result = { digits: [], marks, isMore: writing.leftOut.length > 0, mayTouch: false };
  for (const [index, part] of writing.digits.entries()) {
    const whole = read(part), isUnsure = least([whole]) < READER.one;
    const halves = isUnsure ? halvesOf(part, ink.width)?.map(read) : null;
    const areTwo = halves && least(halves) >= READER.both, isOne = least([whole]) >= 0.5;
    result.mayTouch ||= Boolean(areTwo && isOne);
    result.digits.push(...(areTwo && !isOne ? halves : [whole]));
    if (areTwo && !isOne) writing.marks.forEach(([before], place) => (marks[place][0] += Number(before > index)));
  }
  return result;
}

// What each network reads the pad as, in words.
function inWords(reading) {
  const answers = networks.map((_, index) => answerInWords(reading, index));
  return networks.length > 1 ? answers.map((answer, index) => `${networks[index].name}: ${answer}`).join("; ") : answers[0];
}

function answerInWords(reading, network) {
  const each = reading.digits.map(({ chances }) => [bestOf(chances[network]), Math.max(...chances[network])]);
  const text = textOf(reading, network), least = Math.min(...each.map(([, chance]) => chance));
  const doubt = doubtOf(reading, least), inBrackets = doubt && ` (${doubt})`;
  if (each.length === 1) return `${text}${inBrackets}, ${percent(least)}`;
  return `${text}${inBrackets}: ${each.map(([digit, chance]) => `${digit} ${percent(chance)}`).join(", ")}`;
}

// The digits with the marks between them, and a space between rows.
function textOf({ digits, marks }, network) {
  const before = (index) => marks.filter(([place]) => place === index).map(([, sign]) => sign).join("");
  return digits.map(({ chances }, index) => before(index) + bestOf(chances[network])).join("");
}

// Why an answer is doubtful whose least probability this is.
function doubtOf({ isMore, mayTouch }, least) {
  if (isMore) return "a mark that is no digit is left out";
  if (mayTouch) return "digits may touch";
  return least < READER.sure ? "doubtful" : "";
}

// Reads the pad, and shows and returns what was read.
function read() {
  isAwaited = false;
  const reading = strokes.length ? readInk(inkOfPad()) : { digits: [] };
  const none = () => shown(new Float32Array(784), networks.map(() => Array(10).fill(0)));
  const figures = reading.digits.map(({ values, chances }) => shown(values, chances));
  element("digits").replaceChildren(...(figures.length ? figures : [none()]));
  // While a stroke is drawn, nothing is read out.
  if (!isDrawing) answer.textContent = figures.length ? inWords(reading) : "Nothing drawn";
  return reading;
}

function readSoon() {
  if (!isAwaited) requestAnimationFrame(() => isAwaited && read());
  isAwaited = true;
}

function begin(point) {
  isDrawing = true;
  strokes.push([point]);
  drawStrokes();
  readSoon();
}

function go(point) {
  strokes.at(-1).push(point);
  drawStrokes();
  readSoon();
}

function end() {
  isDrawing = false;
  pen.classList.remove("down");
  read();
}

// Takes back the last stroke, or all of them.
function undo(count = 1) {
  strokes.splice(-count, count);
  drawStrokes();
  end();
}

function place(event) {
  const box = pad.getBoundingClientRect();
  return [((event.clientX - box.left) * pad.width) / box.width, ((event.clientY - box.top) * pad.height) / box.height];
}

pad.addEventListener("pointerdown", (event) => {
  if (!event.isPrimary || event.button || isDrawing) return;
  pad.setPointerCapture(event.pointerId);
  pen.hidden = true;
  begin(place(event));
});
pad.addEventListener("pointermove", (event) => {
  if (!pad.hasPointerCapture(event.pointerId)) return;
  const events = event.getCoalescedEvents?.() ?? [];
  for (const each of events.length ? events : [event]) go(place(each));
});
// It is lost when the pen is lifted, or when the system takes the touch for itself.
pad.addEventListener("lostpointercapture", end);

function showPen() {
  pen.hidden = false;
  pen.classList.toggle("down", isDrawing);
  [pen.style.left, pen.style.top] = keyboard.map((part) => `${(100 * part) / pad.width}%`);
}

function move(right, down, isFine) {
  const step = STEPS[Number(isFine)];
  keyboard = [keyboard[0] + right * step, keyboard[1] + down * step].map((part) => Math.min(Math.max(part, 0), pad.width));
  if (isDrawing) go(keyboard);
}

const KEYS = {
  ArrowLeft: (isFine) => move(-1, 0, isFine),
  ArrowRight: (isFine) => move(1, 0, isFine),
  ArrowUp: (isFine) => move(0, -1, isFine),
  ArrowDown: (isFine) => move(0, 1, isFine),
  " ": () => {
    if (isDrawing) return end();
    begin(keyboard);
    answer.textContent = "Pen down";
  },
  Backspace: () => undo(),
  Delete: () => undo(strokes.length),
};

pad.addEventListener("keydown", (event) => {
  const key = KEYS[event.key];
  if (!key || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  key(event.shiftKey);
  showPen();
});
pad.addEventListener("blur", () => {
  pen.hidden = true;
  if (isDrawing) end();
});
element("undo").addEventListener("click", () => undo());
element("clear").addEventListener("click", () => undo(strokes.length));

drawStrokes();
read();

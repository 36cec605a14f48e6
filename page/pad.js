// The pad: strokes by mouse, pen, finger or keyboard, and the answer as one draws.

const [pad, pen, answer] = ["pad", "pen", "answer"].map(element);
const context = pad.getContext("2d");
const PEN = 22;
// Paper around the pad, so that ink never touches the edge of the picture.
const MARGIN = 28;
// How far an arrow key moves the pen, alone and with Shift.
const STEPS = [10, 2];

// Each stroke is a list of points [x, y]; the last one is being drawn while `isDrawing`.
const strokes = [];
let isDrawing = false, isAwaited = false, keyboard = [140, 140];
// The ink and the writing of a picture that was chosen instead.
let picture = null;

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

// The ink of the pad with paper around it, from 0 (paper) to 1 (ink), in steps of a picture's. It is computed here, not
// read from the canvas: some browsers falsify that.
function inkOfPad() {
  const ink = plane(pad.width + 2 * MARGIN, pad.height + 2 * MARGIN);
  for (const points of strokes) {
    for (const [index, point] of points.entries()) drawLine(ink, points[Math.max(index - 1, 0)], point);
  }
  return ink;
}

// Draws a line with a round pen, whose edge pales over a pixel.
function drawLine(ink, from, to) {
  const [x1, y1, x2, y2] = [...from, ...to].map((place) => place + MARGIN - 0.5);
  const [right, down, reach] = [x2 - x1, y2 - y1, PEN / 2 + 1], square = right * right + down * down;
  // Only on the pad, as the canvas shows it.
  const onPad = (place, length) => Math.min(Math.max(Math.round(place), MARGIN), MARGIN + length - 1);
  const [left, last] = [Math.min(x1, x2) - reach, Math.max(x1, x2) + reach].map((place) => onPad(place, pad.width));
  const [top, bottom] = [Math.min(y1, y2) - reach, Math.max(y1, y2) + reach].map((place) => onPad(place, pad.height));
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= last; x++) {
      const along = square ? Math.min(Math.max(((x - x1) * right + (y - y1) * down) / square, 0), 1) : 0;
      const cover = PEN / 2 + 0.5 - Math.hypot(x - x1 - along * right, y - y1 - along * down);
      const value = Math.round(255 * Math.min(Math.max(cover, 0), 1)) / 255, at = y * ink.width + x;
      if (value > ink.values[at]) ink.values[at] = value;
    }
  }
}

// Rounding must not turn a doubt into a certainty.
function percent(probability) {
  const text = (100 * probability).toFixed(1);
  return text === "100.0" ? "> 99.9 %" : `${text} %`;
}

// A bar for each digit, below the network's name where there are several; to press a digit says that it is that one.
function bars({ name }, chances, values) {
  const list = document.createElement("ol"), heading = document.createElement("p");
  heading.textContent = networks.length > 1 ? name : "";
  for (const [digit, chance] of chances.slice(0, 10).entries()) {
    const row = document.createElement("li"), [name, track, share] = ["button", "div", "span"].map((tag) => document.createElement(tag));
    Object.assign(name, { type: "button", textContent: digit, disabled: chance === 0 });
    name.setAttribute("aria-label", `It is a ${digit}`);
    name.addEventListener("click", () => correct(values, digit));
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
  figure.firstElementChild.append(...networks.flatMap((network, index) => bars(network, answers[index], values)));
  return figure;
}

// Each digit of the ink with its 28 × 28 pixels and, for each network, its probabilities; the marks between them, and
// whether there is more than both. Where digits may touch or be in pieces, the last network decides.
function readWriting({ ink, writing }) {
  const read = (part) => {
    const values = inputOf(part, ink);
    return { values, chances: networks.map((network) => probabilities(network, values)) };
  };
  const digits = writing.digits.map(read), marks = writing.marks.map((mark) => [...mark]);
  const { taken, mayTouch, inPieces } = chosen(readingsOf(digits, writing, ink, read));
  for (const { from, to, parts } of taken) {
    digits.splice(from, to - from, ...parts);
    for (const mark of marks) if (mark[0] >= to) mark[0] += parts.length - (to - from);
  }
  return { digits, marks, isMore: writing.leftOut.length > 0, mayTouch, inPieces };
}

// What each network reads the pad as, in words.
function inWords(reading) {
  const answers = networks.map((_, index) => answerInWords(reading, index));
  return networks.length > 1 ? answers.map((answer, index) => `${networks[index].name}: ${answer}`).join("; ") : answers[0];
}

function answerInWords(reading, network) {
  const each = reading.digits.map(({ chances }) => [bestOf(chances[network]), mostOf(chances[network])]);
  const text = textOf(reading, network), least = Math.min(...each.map(([, chance]) => chance));
  const mayBeNone = reading.digits.some(({ chances }) => chances[network][10] > 1 - READER.sure);
  const doubt = doubtOf(reading, least, mayBeNone), inBrackets = doubt && ` (${doubt})`;
  if (each.length === 1) return `${text}${inBrackets}, ${percent(least)}`;
  return `${text}${inBrackets}: ${each.map(([digit, chance]) => `${digit} ${percent(chance)}`).join(", ")}`;
}

// The digits with the marks between them, and a space between rows.
function textOf({ digits, marks }, network) {
  const before = (index) => marks.filter(([place]) => place === index).map(([, sign]) => sign).join("");
  return digits.map(({ chances }, index) => before(index) + bestOf(chances[network])).join("");
}

// Why an answer is doubtful whose least probability this is.
function doubtOf({ isMore, mayTouch, inPieces }, least, mayBeNone) {
  if (least < READER.sure && mayBeNone) return "this may not be a digit";
  if (isMore) return "a mark that is no digit is left out";
  if (mayTouch) return "digits may touch";
  if (inPieces) return "a digit may be in pieces";
  return least < READER.sure ? "doubtful" : "";
}

// Reads the pad, and shows and returns what was read.
function read() {
  isAwaited = false;
  const onPad = () => ((ink) => ({ ink, writing: writingOn(ink) }))(inkOfPad());
  const reading = picture || strokes.length ? readWriting(picture ?? onPad()) : { digits: [] };
  const none = () => shown(new Float32Array(784), networks.map(() => Array(10).fill(0)));
  const figures = reading.digits.map(({ values, chances }) => shown(values, chances));
  element("digits").replaceChildren(...(figures.length ? figures : [none()]));
  element("wrong").hidden = !figures.length || isDrawing;
  // While a stroke is drawn, nothing is read out.
  if (!isDrawing) answer.textContent = figures.length ? inWords(reading) : picture ? "No ink was found" : "Nothing drawn";
  return reading;
}

function readSoon() {
  if (!isAwaited) requestAnimationFrame(() => isAwaited && read());
  isAwaited = true;
}

function begin(point) {
  isDrawing = true;
  // What was drawn before a picture is not seen beside it.
  if (picture) strokes.length = 0;
  picture = null;
  strokes.push([point]);
  drawStrokes();
  readSoon();
}

function go(point) {
  // The strokes may have been cleared meanwhile.
  if (!isDrawing) return;
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
  if (picture) picture = null;
  else if (count) strokes.splice(-count, count);
  drawStrokes();
  end();
}

function clear() {
  picture = null;
  undo(strokes.length);
}

function place(event) {
  const box = pad.getBoundingClientRect();
  return [((event.clientX - box.left) * pad.width) / box.width, ((event.clientY - box.top) * pad.height) / box.height];
}

// The pointer that draws: its number, its stroke, and whether it is a finger, or a palm. Once there was a pen, no finger
// draws.
let pointer = null, hasPen = false;

pad.addEventListener("pointerdown", (event) => {
  const isTouch = event.pointerType === "touch";
  if (event.button || (isTouch && (hasPen || !event.isPrimary)) || (pointer && !pointer.isTouch)) return;
  if (event.pointerType === "pen") hasPen = true;
  // A palm that lay down before the pen has drawn nothing; a key may have left the pen down.
  if (pointer && strokes.includes(pointer.stroke)) strokes.splice(strokes.indexOf(pointer.stroke), 1);
  else if (isDrawing) end();
  pad.setPointerCapture(event.pointerId);
  pen.hidden = true;
  begin(place(event));
  pointer = { id: event.pointerId, isTouch, stroke: strokes.at(-1) };
});
pad.addEventListener("pointermove", (event) => {
  if (pointer?.id !== event.pointerId) return;
  const events = event.getCoalescedEvents?.() ?? [];
  for (const each of events.length ? events : [event]) go(place(each));
});
// It is lost when the pen is lifted, or when the system takes the touch for itself.
pad.addEventListener("lostpointercapture", (event) => {
  if (pointer?.id !== event.pointerId) return;
  pointer = null;
  end();
});

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
  Delete: clear,
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
element("clear").addEventListener("click", clear);

drawStrokes();
read();
recallHand();

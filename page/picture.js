// From the ink to the 28 × 28 pixels of each digit: what `stroke.rs` and `picture.rs` do, step for step.

// The longer side of a digit while its strokes are measured; which strokes stay as they are, as shares of it; and what
// thinner and wider ones are brought to.
const SIDE = 100, USUAL = [0.097, 0.218].map(round32), TARGETS = [0.12, 0.2].map(round32);

// The rectangle that has any ink.
function cut({ width, height, values }) {
  let left = width, top = height, right = 0, bottom = 0;
  values.forEach((value, at) => {
    if (value <= round32(0.1)) return;
    const x = at % width, y = (at - x) / width;
    [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x + 1), Math.min(top, y), Math.max(bottom, y + 1)];
  });
  const result = plane(right - left, bottom - top);
  for (let y = top; y < bottom; y++) {
    result.values.set(values.subarray(y * width + left, y * width + right), (y - top) * result.width);
  }
  return result;
}

// The picture with this much paper on each side.
function withMargin({ width, height, values }, margin) {
  const result = plane(width + 2 * margin, height + 2 * margin);
  for (let y = 0; y < height; y++) {
    result.values.set(values.subarray(y * width, (y + 1) * width), (y + margin) * result.width + margin);
  }
  return result;
}

const turned = ({ width, height, values }) => {
  const result = plane(height, width);
  result.values.forEach((_, at) => {
    result.values[at] = values[(at % height) * width + Math.floor(at / height)];
  });
  return result;
};

// Another height: each new row is the mean of the old ones around it, the nearer the heavier.
function scaledDown({ width, height, values }, rows) {
  const result = plane(width, rows), ratio = round32(height / rows), reach = Math.max(ratio, 1);
  for (let row = 0; row < rows; row++) {
    const middle = round32((row + 0.5) * ratio);
    const first = Math.min(Math.max(Math.floor(middle - reach), 0), height - 1);
    const last = Math.min(Math.max(Math.ceil(middle + reach), first + 1), height);
    const weight = (y) => Math.max(1 - Math.abs((y - middle + 0.5) / reach), 0);
    let sum = 0;
    for (let y = first; y < last; y++) sum += weight(y);
    for (let y = first; y < last; y++) {
      const share = weight(y) / sum;
      for (let x = 0; x < width; x++) result.values[row * width + x] += values[y * width + x] * share;
    }
  }
  return result;
}

function resized(picture, width, height) {
  if (picture.width === width && picture.height === height) return picture;
  return turned(scaledDown(turned(scaledDown(picture, height)), width));
}

// The number below which this share of the numbers lies.
function quantile(values, share) {
  return values.length ? values.sort()[Math.round((values.length - 1) * share)] : 0;
}

// The digit in the size in which strokes are measured. Scaled down, a thin stroke pales: it becomes as strong as before.
function measurable(digit) {
  const scale = round32(SIDE / Math.max(digit.width, digit.height));
  const [width, height] = [digit.width, digit.height].map((length) => Math.max(1, Math.round(round32(length * scale))));
  const picture = resized(digit, width, height);
  const strength = quantile(picture.values.filter((value) => value > round32(0.1)), 0.75);
  const factor = Math.min(Math.max(strength, round32(0.1)), 1);
  return withMargin({ ...picture, values: picture.values.map((value) => Math.min(value / factor, 1)) }, 1);
}

// The distance of each pixel from the nearest one that is a seed: first within its row, then over all rows.
function distances({ width, height, values }, isSeed) {
  const far = 1e6, inRow = new Float64Array(values.length), result = plane(width, height);
  for (let y = 0; y < height; y++) {
    const at = (x) => y * width + x;
    for (let x = 0, from = far; x < width; x++) inRow[at(x)] = from = isSeed(values[at(x)]) ? 0 : from + 1;
    for (let x = width - 1, from = far; x >= 0; x--) inRow[at(x)] = from = Math.min(from + 1, inRow[at(x)]);
  }
  for (let at = 0; at < values.length; at++) {
    const column = at % width, y = (at - column) / width;
    let nearest = inRow[at] ** 2;
    // Rows that lie further than the nearest seed so far cannot have a nearer one.
    for (let by = 1; by * by < nearest && by < height; by++) {
      if (y >= by) nearest = Math.min(nearest, by * by + inRow[at - by * width] ** 2);
      if (y + by < height) nearest = Math.min(nearest, by * by + inRow[at + by * width] ** 2);
    }
    result.values[at] = Math.sqrt(nearest);
  }
  return result.values;
}

const isPaper = (value) => value <= 0.5, isInk = (value) => value > 0.5;

// The width of the strokes as a share of the longer side: four times the mean distance of their pixels from the edge.
function strokeWidth(digit) {
  let count = 0, sum = 0;
  for (const distance of distances(digit, isPaper)) {
    if (distance > 0) [count, sum] = [count + 1, round32(sum + round32(distance - 0.25))];
  }
  return count ? round32(round32((4 * sum) / count) / SIDE) : 0;
}

// The digit with its edge moved outwards by this many pixels, or inwards where they are negative.
function grown(digit, pixels) {
  const canvas = withMargin(digit, Math.ceil(Math.max(pixels, 0)));
  const outside = distances(canvas, isInk), inside = distances(canvas, isPaper);
  const values = outside.map((distance, at) => {
    const fromEdge = distance > 0 ? distance - 0.5 : 0.5 - inside[at];
    return Math.min(Math.max(0.5 + pixels - fromEdge, 0), 1);
  });
  return { ...canvas, values };
}

// The digit, cut to its edges, whose strokes are about as wide as MNIST's.
function usualWidth(picture) {
  const digit = cut(picture), measured = measurable(digit), width = strokeWidth(measured);
  if (width >= USUAL[0] && width <= USUAL[1]) return digit;
  const target = width < USUAL[0] ? TARGETS[0] : TARGETS[1];
  // With r pixels more on each side, the stroke has w + 2 r of m + 2 r pixels: the share that is asked for.
  return cut(grown(measured, round32(round32(SIDE * round32(target - width)) / round32(2 - 2 * target))));
}

// Fits a digit into 20 × 20 pixels and puts its centre of mass into the middle of 28 × 28.
function centred(digit) {
  const room = (20 / 28) * 28, scale = Math.min(room / digit.height, room / digit.width);
  const [width, height] = [digit.width, digit.height].map((length) => Math.max(1, Math.round(length * scale)));
  const small = resized(digit, width, height);
  let mass = 0, across = 0, down = 0;
  small.values.forEach((ink, at) => {
    [mass, across, down] = [mass + ink, across + ink * (at % width), down + ink * Math.floor(at / width)];
  });
  // A symmetric digit lies between two pixels: not rounding, but the last term decides for the lower one.
  const start = (sum, length) => Math.min(Math.max(Math.floor(14 - sum / mass + 0.5 + 1e-4), 0), 28 - length);
  const left = start(across, width), top = start(down, height), result = plane(28, 28);
  for (let y = 0; y < height; y++) {
    result.values.set(small.values.subarray(y * width, (y + 1) * width), (y + top) * 28 + left);
  }
  return softened(softened(result.values, 1), 28);
}

// Softens edges as MNIST's are: each pixel takes a tenth of its neighbours, `step` before and behind it.
function softened(values, step) {
  const part = round32(0.1), rest = round32(1 - round32(2 * part));
  const neighbour = (at, by) => {
    const place = step === 1 ? at % 28 : Math.floor(at / 28);
    return place + by < 0 || place + by > 27 ? 0 : values[at + by * step];
  };
  return values.map((value, at) => part * neighbour(at, -1) + rest * value + part * neighbour(at, 1));
}

// What the network takes of a part of the ink.
const inputOf = (part, ink) => centred(usualWidth(cutOut(part, ink)));

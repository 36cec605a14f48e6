// What lies around and behind the writing: a window, as `panel.rs` finds it, and ruled lines, as `ruling.rs` takes them out.

// The rectangle of a light canvas in a dark window, or the reverse, [left, top, width, height]; and large parts outside it.
function panelOf(ink) {
  const parts = connected(ink, THRESHOLDS[0]);
  if (!parts.length) return null;
  const part = parts.reduce((most, part) => (part.pixels.length >= most.pixels.length ? part : most));
  const area = wide(part) * high(part), inked = part.pixels.length, inset = Math.floor(Math.min(wide(part), high(part)) / 50);
  const isLarge = area * 6 > ink.width * ink.height && inked * 10 > area * 8 && area < ink.width * ink.height;
  if (!isLarge || (area - inked) * 300 <= area || [1, 2].some((times) => sidesOf(part, inset * times, ink.width) <= 0.97)) return null;
  const rectangle = [part.left + inset, part.top + inset, wide(part) - 2 * inset, high(part) - 2 * inset];
  const isOutside = (other) => size(other) * 10 > Math.min(ink.width, ink.height) && gap(other, part) > 0;
  return { rectangle, outside: parts.filter(isOutside) };
}

// Which share of a rectangle's outline is inked, so many pixels inside it.
function sidesOf(part, inset, width) {
  const [left, top, right, bottom] = [part.left + inset, part.top + inset, part.right - 1 - inset, part.bottom - 1 - inset];
  const isOnSide = (pixel) => {
    const x = pixel % width, y = (pixel - x) / width;
    return x >= left && x <= right && y >= top && y <= bottom && (x === left || x === right || y === top || y === bottom);
  };
  return part.pixels.filter(isOnSide).length / (2 * (wide(part) + high(part) - 4 * inset) - 4);
}

// A line has more ink than this, in this share of the columns that it crosses; about so many columns tell where it is.
const FAINTEST = round32(0.1), COVERED = round32(0.8), COLUMNS = 160;

// How much lower a line of this slope lies in a column than in the middle of the picture, rounded away from 0.
function shiftOf(slope, x, width) {
  const shift = round32(slope * round32(x - width / 2));
  return Math.sign(shift) * Math.round(Math.abs(shift));
}

const columnsOf = (width) => {
  const step = Math.ceil(width / COLUMNS);
  return Array.from({ length: Math.ceil(width / step) }, (_, place) => place * step);
};

// The lines of one slope, each from its first row to behind its last one, in the middle of the picture.
function linesOf({ width, height, values }, slope) {
  const columns = columnsOf(width), shifts = columns.map((x) => shiftOf(slope, x, width)), lines = [];
  for (let row = 0; row < height; row++) {
    let inside = 0, inked = 0;
    columns.forEach((x, place) => {
      const y = row + shifts[place];
      if (y < 0 || y >= height) return;
      inside += 1;
      inked += Number(values[y * width + x] > FAINTEST);
    });
    // A line that only cuts a corner is too short to tell.
    if (inside * 2 <= columns.length || inked < round32(COVERED * inside)) continue;
    // A gap within a line is none.
    if (lines.length && row - lines.at(-1)[1] < 2) lines.at(-1)[1] = row + 1;
    else lines.push([row, row + 1]);
  }
  const thickest = Math.max(Math.floor(height / 25), 3);
  return { slope, lines: lines.filter(([first, end]) => end - first <= thickest) };
}

// Lines from edge to edge, of the slope with which they cover the most rows: with a wrong one, they look thinner. The bars of
// a digit that fills the picture are as strong as its other strokes, and few.
function rulingOf(ink) {
  const rowsOf = ({ lines }) => lines.reduce((rows, [first, end]) => rows + end - first, 0);
  let best = { lines: [] };
  for (let step = -26; step <= 26; step++) {
    const found = linesOf(ink, round32(step * round32(0.002)));
    if (rowsOf(found) >= rowsOf(best)) best = found;
  }
  return best.lines.length >= (strengthOfLines(ink, best) > round32(0.8) ? 4 : 2) ? best : null;
}

// The median of the lines' strongest pixels.
function strengthOfLines({ width, height, values }, { slope, lines }) {
  const strongest = columnsOf(width).flatMap((x) => lines.map(([first, end]) => {
    const down = shiftOf(slope, x, width);
    let most = 0;
    for (let y = Math.max(first + down, 0); y < Math.min(end + down, height); y++) most = Math.max(most, values[y * width + x]);
    return most;
  }));
  return quantileOf(Float32Array.from(strongest), 0.5);
}

// The ink without lines, column by column: a run of ink that is longer than a line is thick, or stronger, is a stroke's.
function withoutLines(ink, { slope, lines }) {
  const { width, height, values } = ink, result = { width, height, values: values.slice() };
  const isInked = (x, y) => y >= 0 && y < height && values[y * width + x] > FAINTEST;
  const limit = round32(round32(1.4) * strengthOfLines(ink, { slope, lines }));
  for (let x = 0; x < width; x++) {
    const down = shiftOf(slope, x, width);
    for (const [first, end] of lines.map((line) => line.map((row) => row + down))) {
      const thick = end - first + 3;
      let start = first - 2, above = 0, below = 0;
      while (start < end + 2 && !isInked(x, start)) start += 1;
      if (start === end + 2) continue;
      while (above <= thick && isInked(x, start - above)) above += 1;
      while (below <= thick && isInked(x, start + below)) below += 1;
      const top = Math.max(start - above, 0), bottom = Math.min(start + below + 1, height);
      let isStrong = false;
      for (let y = top; y < bottom; y++) isStrong ||= values[y * width + x] > limit;
      // With the pale pixels beside them.
      if (above + below - 2 < thick && !isStrong) for (let y = top; y < bottom; y++) result.values[y * width + x] = 0;
    }
  }
  return result;
}

// The ink without the lines of ruled or squared paper. Upright lines are common in digits: only beside others are they
// those of squared paper.
function withoutRuling(ink) {
  const across = rulingOf(ink);
  if (!across) return ink;
  const quarter = turnedRight(withoutLines(ink, across)), down = rulingOf(quarter);
  return turnedLeft(down ? withoutLines(quarter, down) : quarter);
}

// A quarter turn clockwise, and back.
function turnedRight({ width, height, values }) {
  const result = plane(height, width);
  result.values.forEach((_, at) => {
    const x = at % height, y = (at - x) / height;
    result.values[at] = values[(height - 1 - x) * width + y];
  });
  return result;
}

function turnedLeft({ width, height, values }) {
  const result = plane(height, width);
  result.values.forEach((_, at) => {
    const x = at % height, y = (at - x) / height;
    result.values[at] = values[x * width + width - 1 - y];
  });
  return result;
}

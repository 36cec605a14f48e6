// The parts of the ink on a pad, and the digits that they make: what `parts.rs` does, step for step. A plane is
// { width, height, values }, with values from 0 (paper) to 1 (ink).

const plane = (width, height) => ({ width, height, values: new Float32Array(width * height) });

// Ink has more than these shares of a stroke's strength: a higher one where the lower finds only lines.
const THRESHOLDS = [0.42, 0.6, 0.75];

// The connected parts, corner to corner, of the pixels above a threshold. Right and bottom lie behind the last pixel.
function connected({ width, height, values }, threshold) {
  const isFree = new Uint8Array(values.length);
  for (let at = 0; at < values.length; at++) isFree[at] = Number(values[at] > threshold);
  const parts = [];
  for (let start = isFree.indexOf(1); start >= 0; start = isFree.indexOf(1, start)) {
    const part = { left: width, top: height, right: 0, bottom: 0, pixels: [start] };
    isFree[start] = 0;
    for (let next = 0; next < part.pixels.length; next++) {
      const x = part.pixels[next] % width, y = (part.pixels[next] - x) / width;
      part.left = Math.min(part.left, x);
      part.right = Math.max(part.right, x + 1);
      part.top = Math.min(part.top, y);
      part.bottom = Math.max(part.bottom, y + 1);
      for (let below = Math.max(y - 1, 0); below <= Math.min(y + 1, height - 1); below++) {
        for (let beside = Math.max(x - 1, 0); beside <= Math.min(x + 1, width - 1); beside++) {
          const neighbour = below * width + beside;
          if (isFree[neighbour]) part.pixels.push(neighbour);
          isFree[neighbour] = 0;
        }
      }
    }
    parts.push(part);
  }
  return parts;
}

const wide = (part) => part.right - part.left;
const high = (part) => part.bottom - part.top;
const size = (part) => Math.max(wide(part), high(part));

// How far two rectangles lie apart, across or down; 0 where they overlap.
function gap(one, other) {
  return Math.max(0, other.left - one.right, one.left - other.right, other.top - one.bottom, one.top - other.bottom);
}

// Whether a part is a line, or a frame around another part: on a pad, what else `parts.rs` looks for does not occur.
function isMark(part, parts, across) {
  if (wide(part) > 8 * high(part) && part.pixels.length > 0.6 * wide(part) * high(part)) return true;
  const reach = Math.floor(Math.min(high(part), wide(part)) / 12);
  const isNear = (pixel) => {
    const x = pixel % across, y = (pixel - x) / across;
    return Math.min(x - part.left, part.right - 1 - x, y - part.top, part.bottom - 1 - y) < reach;
  };
  const isAround = (other) =>
    part.left < other.left && part.top < other.top && part.right > other.right && part.bottom > other.bottom;
  return parts.some((other) => isAround(other) && high(other) * 6 > high(part)) &&
    part.pixels.filter(isNear).length > 0.8 * part.pixels.length;
}

// The parts that can be digits; nothing where no large one remains.
function withoutMarks(parts, { width, height }) {
  const left = parts.filter((part) => !isMark(part, parts, width));
  return left.some((part) => high(part) * 10 > Math.min(width, height)) ? left : null;
}

// How far two parts lie apart in the rows that both have.
function gapInRows(one, other, across) {
  const first = Math.max(one.top, other.top), last = Math.min(one.bottom, other.bottom);
  const [here, there] = [one, other].map((part) => {
    const extents = Array.from({ length: Math.max(last - first, 0) }, () => [Infinity, -Infinity]);
    for (const pixel of part.pixels) {
      const x = pixel % across, extent = extents[(pixel - x) / across - first];
      if (extent) [extent[0], extent[1]] = [Math.min(extent[0], x), Math.max(extent[1], x)];
    }
    return extents;
  });
  // A row that one of them lacks has an infinite gap.
  return Math.min(...here.map(([left, right], row) => Math.max(0, there[row][0] - right, left - there[row][1])));
}

// Two parts of one digit: one lies largely above, below or inside the other, or they all but touch.
function areOneDigit(one, other, across) {
  const overlap = Math.max(0, Math.min(one.right, other.right) - Math.max(one.left, other.left));
  if (overlap * 5 >= Math.min(wide(one), wide(other)) * 2) return true;
  const tallest = Math.max(high(one), high(other));
  const isSlim = Math.max(one.right, other.right) - Math.min(one.left, other.left) < tallest;
  return isSlim && gapInRows(one, other, across) * 20 <= tallest;
}

function joined(one, other) {
  return {
    left: Math.min(one.left, other.left),
    top: Math.min(one.top, other.top),
    right: Math.max(one.right, other.right),
    bottom: Math.max(one.bottom, other.bottom),
    pixels: one.pixels.concat(other.pixels),
  };
}

// Joins the parts that belong together, two by two.
function join(parts, belongTogether) {
  for (let one = 0; one < parts.length; one++) {
    const other = parts.findIndex((part, place) => place > one && belongTogether(parts[one], part));
    if (other < 0) continue;
    parts[one] = joined(parts[one], parts[other]);
    const last = parts.pop();
    if (other < parts.length) parts[other] = last;
    // It may belong to one before it now.
    one = -1;
  }
}

// The digits from left to right, each with all its pixels.
function digitsOf(ink) {
  let parts = null;
  for (const threshold of THRESHOLDS) parts ??= withoutMarks(connected(ink, threshold), ink);
  parts ??= connected(ink, THRESHOLDS[0]);
  const tallest = Math.max(...parts.map(high));
  const isOne = (one, other) => areOneDigit(one, other, ink.width);
  const isMain = (part) => high(part) * 5 >= tallest * 2, isDust = (part) => size(part) * 8 <= tallest;
  const digits = parts.filter(isMain), small = parts.filter((part) => !isMain(part));
  const pieces = small.filter((part) => !isDust(part)), dust = small.filter(isDust);
  join(pieces, (one, other) => gap(one, other) * 10 <= tallest * 3 && isOne(one, other));
  // Of a digit in pieces, or a low one, no part is tall.
  const isDigit = (part) => high(part) * 4 >= tallest && size(part) * 5 >= tallest * 2;
  digits.push(...pieces.filter(isDigit));
  join(digits, isOne);
  for (const [others, share] of [[pieces.filter((part) => !isDigit(part)), 3], [dust, 1]]) {
    // Larger parts first, so that smaller ones find what they belong to.
    others.sort((one, other) => other.pixels.length - one.pixels.length);
    for (const part of others) {
      const gaps = digits.map((digit) => gap(digit, part)), nearest = gaps.indexOf(Math.min(...gaps));
      if (gaps[nearest] <= Math.max(Math.floor((tallest * share) / 10), 1)) digits[nearest] = joined(digits[nearest], part);
    }
  }
  return digits.sort((one, other) => one.left + one.right - other.left - other.right);
}

// The ink within a digit's rectangle and its soft edge around that, without the ink of others.
function cutOut(part, ink) {
  const reach = Math.ceil(size(part) / 20), left = part.left - reach, top = part.top - reach;
  const result = plane(wide(part) + 2 * reach, high(part) + 2 * reach);
  const isOwn = new Uint8Array(result.values.length);
  for (const pixel of part.pixels) {
    const x = pixel % ink.width, y = (pixel - x) / ink.width;
    isOwn[(y - top) * result.width + x - left] = 1;
  }
  const isNear = spread(spread(isOwn, result.width, 1, reach), result.width, result.width, reach);
  for (let at = 0; at < isOwn.length; at++) {
    const x = (at % result.width) + left, y = Math.floor(at / result.width) + top;
    const value = x >= 0 && y >= 0 && x < ink.width && y < ink.height ? ink.values[y * ink.width + x] : 0;
    if (isOwn[at] || (isNear[at] && value <= THRESHOLDS[0])) result.values[at] = value;
  }
  return result;
}

// Marks all that lies this far from a mark: in its row where `step` is 1, in its column where it is the width.
function spread(marks, width, step, reach) {
  const result = new Uint8Array(marks.length), height = marks.length / width;
  const [lines, length] = step === 1 ? [height, width] : [width, height];
  for (let line = 0; line < lines; line++) {
    const start = step === 1 ? line * width : line, end = start + (length - 1) * step;
    for (let at = start, since = Infinity; at <= end; at += step) {
      since = marks[at] ? 0 : since + 1;
      if (since <= reach) result[at] = 1;
    }
    for (let at = end, since = Infinity; at >= start; at -= step) {
      since = marks[at] ? 0 : since + 1;
      if (since <= reach) result[at] = 1;
    }
  }
  return result;
}

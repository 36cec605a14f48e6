// The parts of the ink, as `parts.rs` and `clutter.rs` find them. A plane is { width, height, values }, with values from 0
// (paper) to 1 (ink).

// 32 bits, as Rust computes, where a decision hangs on them.
const round32 = Math.fround;

const plane = (width, height) => ({ width, height, values: new Float32Array(width * height) });

// Ink has more than these shares of a stroke's strength: a higher one where the lower finds only lines.
const THRESHOLDS = [0.42, 0.6, 0.75].map(round32);

// The part of these pixels, which are numbered row by row. Right and bottom lie behind the last pixel.
function partOf(pixels, across) {
  const part = { left: Infinity, top: Infinity, right: 0, bottom: 0, pixels };
  for (const pixel of pixels) {
    const x = pixel % across, y = (pixel - x) / across;
    [part.left, part.right] = [Math.min(part.left, x), Math.max(part.right, x + 1)];
    [part.top, part.bottom] = [Math.min(part.top, y), Math.max(part.bottom, y + 1)];
  }
  return part;
}

// The connected parts, corner to corner, of the pixels above a threshold.
function connected({ width, height, values }, threshold) {
  const isFree = new Uint8Array(values.length);
  for (let at = 0; at < values.length; at++) isFree[at] = Number(values[at] > threshold);
  const parts = [];
  for (let start = isFree.indexOf(1); start >= 0; start = isFree.indexOf(1, start)) {
    const pixels = [start];
    isFree[start] = 0;
    for (let next = 0; next < pixels.length; next++) {
      const x = pixels[next] % width, y = (pixels[next] - x) / width;
      for (let below = Math.max(y - 1, 0); below <= Math.min(y + 1, height - 1); below++) {
        for (let beside = Math.max(x - 1, 0); beside <= Math.min(x + 1, width - 1); beside++) {
          const neighbour = below * width + beside;
          if (isFree[neighbour]) pixels.push(neighbour);
          isFree[neighbour] = 0;
        }
      }
    }
    parts.push(partOf(pixels, width));
  }
  return parts;
}

const wide = (part) => part.right - part.left;
const high = (part) => part.bottom - part.top;
const size = (part) => Math.max(wide(part), high(part));

// How far two rectangles lie apart across, down, or at all; 0 where they overlap. How much they share, across or down.
const across = (one, other) => Math.max(0, other.left - one.right, one.left - other.right);
const down = (one, other) => Math.max(0, other.top - one.bottom, one.top - other.bottom);
const gap = (one, other) => Math.max(across(one, other), down(one, other));
const sharedAcross = (one, other) => Math.max(0, Math.min(one.right, other.right) - Math.max(one.left, other.left));
const sharedDown = (one, other) => Math.max(0, Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top));

// The width of a part's strokes: its area divided by the length of its outline.
function penOf(part, width) {
  const own = new Uint8Array(wide(part) * high(part));
  for (const pixel of part.pixels) {
    const x = pixel % width, y = (pixel - x) / width;
    own[(y - part.top) * wide(part) + x - part.left] = 1;
  }
  let rows = 0, columns = 0;
  for (let at = 0; at < own.length; at++) {
    rows += Number(own[at] && (at % wide(part) === 0 || !own[at - 1]));
    columns += Number(own[at] && (at < wide(part) || !own[at - wide(part)]));
  }
  return round32(part.pixels.length / round32(Math.hypot(rows, columns)));
}

// Which borders of the picture a part comes near: left, top, right and bottom.
const touched = (part, { width, height }, near) =>
  [part.left <= near, part.top <= near, part.right + near >= width, part.bottom + near >= height];

const near = ({ width, height }) => Math.floor(Math.min(width, height) / 50);

// Whether a part looks like a scanner's edge; a digit may, too.
function isEdge(part, ink) {
  const [left, top, right, bottom] = touched(part, ink, near(ink));
  return ((left || right) && high(part) * 10 >= ink.height * 9 && wide(part) * 4 < ink.width) ||
    ((top || bottom) && wide(part) * 10 >= ink.width * 9 && high(part) * 4 < ink.height);
}

// Whether a part looks like a line or squares; a digit may, too.
function isLine(part, ink, tallest) {
  const fill = part.pixels.length / (wide(part) * high(part));
  // A dash is a line as well, but a short one beside the tallest digit.
  const isLong = wide(part) * 4 > ink.width && wide(part) * 5 > tallest * 4;
  return (isLong && wide(part) > 8 * high(part) && fill > 0.6) || (touched(part, ink, near(ink)).every(Boolean) && fill < 0.35);
}

// Whether a part is a frame around another one: its pixels lie along its sides.
function isFrame(part, other, width) {
  const isAround =
    part.left < other.left && part.top < other.top && part.right > other.right && part.bottom > other.bottom;
  if (!isAround || high(other) * 6 <= high(part)) return false;
  const reach = Math.floor(Math.min(high(part), wide(part)) / 12);
  const isNear = (pixel) => {
    const x = pixel % width, y = (pixel - x) / width;
    return Math.min(x - part.left, part.right - 1 - x, y - part.top, part.bottom - 1 - y) < reach;
  };
  return part.pixels.filter(isNear).length > 0.8 * part.pixels.length;
}

// The parts without frames, edges, lines and squares; nothing where no large one remains.
function withoutClutter(parts, ink) {
  const least = Math.min(ink.width, ink.height), large = parts.filter((part) => size(part) * 10 > least);
  const tallest = Math.max(0, ...large.filter((part) => high(part) * 2 > wide(part)).map(high));
  const left = parts.filter((part) => {
    // In a picture that is cut to its digits, others are as long.
    const isAsLong = (other) => size(other) * 5 > size(part) * 4 && !isEdge(other, ink);
    if (isEdge(part, ink) && !large.some(isAsLong)) return false;
    return !isLine(part, ink, tallest) && !large.some((other) => isFrame(part, other, ink.width));
  });
  return left.some((part) => high(part) * 10 > least) ? left : null;
}

// The parts that can be writing, and those beyond so many of the largest ones.
function writingParts(ink) {
  let parts = null;
  for (const threshold of THRESHOLDS) parts ??= withoutClutter(connected(ink, threshold), ink);
  parts ??= connected(ink, THRESHOLDS[0]);
  if (parts.length > 400) parts.sort((one, other) => other.pixels.length - one.pixels.length);
  return [parts.slice(0, 400), parts.slice(400)];
}

// Takes out what reaches into the picture from its border: much larger or smaller than other parts, or a blot.
function intrudersOf(parts, ink) {
  const touches = (part) => touched(part, ink, 0).some(Boolean);
  const tallest = Math.max(0, ...parts.filter((part) => !touches(part)).map(high));
  if (tallest * 10 < Math.min(ink.width, ink.height)) return [];
  const isOtherSize = (part) => size(part) * 5 > tallest * 8 || high(part) * 5 < tallest * 2;
  const isBlot = (part) => penOf(part, ink.width) * 3 > size(part);
  return taken(parts, (part) => touches(part) && (isOtherSize(part) || isBlot(part)));
}

// Takes the items that are such out of a list.
function taken(items, isSuch) {
  const found = items.filter(isSuch), rest = items.filter((item) => !found.includes(item));
  items.splice(0, items.length, ...rest);
  return found;
}

// How far two parts lie apart in the rows that both have.
function gapInRows(one, other, width) {
  const first = Math.max(one.top, other.top), last = Math.min(one.bottom, other.bottom);
  const [here, there] = [one, other].map((part) => {
    const extents = Array.from({ length: Math.max(last - first, 0) }, () => [Infinity, -Infinity]);
    for (const pixel of part.pixels) {
      const x = pixel % width, extent = extents[(pixel - x) / width - first];
      if (extent) [extent[0], extent[1]] = [Math.min(extent[0], x), Math.max(extent[1], x)];
    }
    return extents;
  });
  // A row that one of them lacks has an infinite gap.
  return Math.min(...here.map(([left, right], row) => Math.max(0, there[row][0] - right, left - there[row][1])));
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

// What is written: rows of digits and the marks between them, as `writing.rs`, `mark.rs` and `alternatives.rs`
// find them.

// Two parts of one digit: one lies largely above, below or inside the other, or they all but touch.
function areOneDigit(one, other, width) {
  if (sharedAcross(one, other) * 5 >= Math.min(wide(one), wide(other)) * 2) return true;
  const tallest = Math.max(high(one), high(other));
  const isSlim = Math.max(one.right, other.right) - Math.min(one.left, other.left) < tallest;
  // The rectangles are compared first: to look at all pixels takes long.
  return isSlim && across(one, other) * 20 <= tallest && gapInRows(one, other, width) * 20 <= tallest;
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

// Joins what belongs together, two by two, until nothing does.
function joinWhere(items, belongTogether, join) {
  for (let before = Infinity; items.length < before; ) {
    before = items.length;
    for (let one = 0; one < items.length; ) {
      const other = items.findIndex((item, place) => place > one && belongTogether(items[one], item));
      if (other < 0) one += 1;
      else items[one] = join(items[one], takenOut(items, other));
    }
  }
}

// Takes an item out of a list; the last one takes its place.
function takenOut(items, place) {
  const item = items[place], last = items.pop();
  if (place < items.length) items[place] = last;
  return item;
}

// Rows from top to bottom: of each the large parts, and the small ones that lie near them. Others are left out.
function rowsOf(parts, leftOut) {
  const tallest = Math.max(...parts.map(high)), small = [...parts];
  let rows = [];
  for (const part of taken(small, (part) => high(part) * 5 >= tallest * 2)) {
    const isIn = (other) => sharedDown(other, part) * 2 >= Math.min(high(other), high(part));
    const same = taken(rows, ({ large }) => large.some(isIn));
    rows.push({ large: [...same.flatMap(({ large }) => large), part], small: [] });
  }
  const outline = ({ large }) => large.reduce((one, other) => ({ ...joined({ ...one, pixels: [] }, { ...other, pixels: [] }) }));
  rows = rows.map((row) => ({ ...row, outline: outline(row) }));
  // A digit in two halves is no two rows.
  const areNear = (one, other) => {
    const areSingle = one.large.length === 1 && other.large.length === 1;
    return down(one.outline, other.outline) * 10 <= tallest * (areSingle ? 3 : 1);
  };
  const join = (one, other) => {
    const large = [...one.large, ...other.large];
    return { large, small: [], outline: outline({ large }) };
  };
  joinWhere(rows, areNear, join);
  rows.sort((one, other) => one.outline.top - other.outline.top);
  for (const part of small) {
    const gaps = rows.map((row) => down(row.outline, part)), nearest = gaps.indexOf(Math.min(...gaps));
    if (gaps[nearest] * 5 <= high(rows[nearest].outline) * 2) rows[nearest].small.push(part);
    else if (size(part) * 8 > tallest) leftOut.push(part);
  }
  return rows;
}

// Where the digits of a row lie, and how wide their strokes are: the medians of their edges and pens.
function measured(large, width) {
  const median = (values) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)];
  const top = median(large.map((part) => part.top)), bottom = median(large.map((part) => part.bottom));
  return { top, height: Math.max(bottom - top, 1), pen: median(large.map((part) => penOf(part, width))) };
}

// Takes the marks of a row out of its small parts: a point, a comma, a colon, a hyphen or minus.
function marksOf(small, large, { top, height, pen }) {
  const [of, share] = [(number) => round32(round32(number) * pen), (number) => round32(number / height)];
  const middle = (part) => share((part.top + part.bottom) / 2 - top);
  const isDot = (part) => {
    const shorter = Math.min(wide(part), high(part)), longer = size(part);
    const isOfPen = shorter >= of(0.8) && longer <= of(2.2);
    return isOfPen && longer <= round32(round32(0.3) * height) && longer <= round32(round32(1.7) * shorter);
  };
  const isComma = (part) => {
    const isUpright = high(part) >= round32(round32(1.3) * wide(part)) && high(part) <= 0.5 * height;
    const isOfPen = wide(part) >= of(0.5) && wide(part) <= of(2.5);
    return isUpright && isOfPen && share(part.bottom - top) > round32(1.04) && middle(part) > 0.75;
  };
  const isDash = (part) => {
    const isFlat = wide(part) >= round32(round32(1.7) * high(part)) && high(part) <= of(2), length = share(wide(part));
    const isLong = length >= round32(0.12) && length <= round32(1.2) && wide(part) >= of(1.5);
    return isFlat && isLong && middle(part) >= round32(0.3) && middle(part) <= 0.75;
  };
  const isFree = (part) => large.every((digit) => sharedAcross(digit, part) * 3 <= wide(part));
  // A dot that all but touches a digit is a piece of it.
  const near = Math.floor(pen / 2);
  const isApart = (part) => large.every((digit) => digit.left >= part.right + near || part.left >= digit.right + near);
  const marks = [], dots = taken(small, (part) => isApart(part) && isDot(part));
  while (dots.length) {
    const dot = dots.pop();
    const other = dots.findIndex((other) => {
      const apart = round32(Math.abs(middle(other) - middle(dot)));
      const areNear = apart >= round32(0.2) && apart < round32(0.8);
      return areNear && sharedAcross(other, dot) * 2 >= Math.min(wide(other), wide(dot));
    });
    if (other >= 0) marks.push({ sign: ":", parts: [dot, takenOut(dots, other)] });
    else if (middle(dot) > round32(0.72)) marks.push({ sign: ".", parts: [dot] });
    else small.push(dot);
  }
  for (const part of taken(small, (part) => isFree(part) && (isComma(part) || isDash(part)))) {
    marks.push({ sign: isDash(part) ? "-" : ",", parts: [part] });
  }
  const place = ({ parts }) => parts[0].left + parts[0].right;
  return marks.map((mark) => ({ ...mark, place: place(mark) })).sort((one, other) => one.place - other.place);
}

// The digits of a row from left to right, each with all its pixels.
function digitsOf({ large, small }, row, leftOut, width) {
  const digits = [...large], tallest = Math.max(...large.map(high));
  const isOne = (one, other) => areOneDigit(one, other, width);
  const dust = taken(small, (part) => size(part) * 8 <= tallest), pieces = small;
  joinWhere(pieces, (one, other) => gap(one, other) * 10 <= tallest * 3 && isOne(one, other), joined);
  // Of a digit in pieces, or a low one, no part is tall; a small digit stands beside the others.
  const isBeside = (part) => penOf(part, width) > round32(round32(0.4) * row.pen) && large.every((digit) => across(digit, part) > 0);
  const isDigit = (part) => high(part) * 4 >= tallest && (size(part) * 5 >= tallest * 2 || isBeside(part));
  digits.push(...taken(pieces, isDigit));
  joinWhere(digits, isOne, joined);
  for (const [others, share] of [[pieces, 3], [dust, 1]]) {
    // Larger parts first, so that smaller ones find what they belong to.
    others.sort((one, other) => other.pixels.length - one.pixels.length);
    for (const part of others) {
      const gaps = digits.map((digit) => gap(digit, part)), nearest = gaps.indexOf(Math.min(...gaps));
      const isNear = gaps[nearest] <= Math.max(Math.floor((tallest * share) / 10), 1);
      if (isNear) digits[nearest] = joined(digits[nearest], part);
      else if (others === pieces) leftOut.push(part);
    }
  }
  return digits.sort((one, other) => one.left + one.right - other.left - other.right);
}

// What is written: the digits row by row, each mark with the number of digits before it, a space between rows, and what
// is neither.
function writingOn(ink) {
  const [parts, rest] = writingParts(ink), writing = { digits: [], marks: [], leftOut: intrudersOf(parts, ink) };
  const tallest = Math.max(0, ...parts.map(high));
  writing.leftOut.push(...rest.filter((part) => size(part) * 8 > tallest));
  for (const row of rowsOf(parts, writing.leftOut)) {
    const before = writing.digits.length;
    if (before) writing.marks.push([before, " "]);
    const sizes = measured(row.large, ink.width), marks = marksOf(row.small, row.large, sizes);
    const digits = digitsOf(row, sizes, writing.leftOut, ink.width);
    for (const { sign, parts, place } of marks) {
      const left = digits.filter((digit) => digit.left + digit.right < place).length;
      // A mark stands between digits; a minus may stand before them.
      if (left < digits.length && (left || sign === "-")) writing.marks.push([before + left, sign]);
      else writing.leftOut.push(...parts);
    }
    writing.digits.push(...digits);
  }
  return writing;
}

// Which digits may be others, and what makes those: a wide digit may be two, and two near ones pieces of one.
function alternativesOf({ digits, marks }, width) {
  return digits.flatMap((digit, from) => {
    const halves = { from, to: from + 1, areClose: false, partsOf: () => halvesOf(digit, width) };
    const other = marks.some(([before]) => before === from + 1) ? null : digits[from + 1];
    const isWithin = (share) => across(digit, other) <= round32(round32(share) * Math.max(high(digit), high(other)));
    if (!other || !isWithin(0.4)) return [halves];
    return [halves, { from, to: from + 2, areClose: isWithin(0.15) && !isWide(joined(digit, other)), partsOf: () => wholeOf(digit, other) }];
  });
}

// The digit that two parts may be pieces of, unless they are too wide for one.
function wholeOf(one, other) {
  const whole = joined(one, other);
  return wide(whole) <= round32(round32(1.8) * high(whole)) ? [whole] : null;
}

const isWide = (part) => wide(part) >= round32(round32(0.7) * high(part));

// The two digits that a wide part may be, cut at the column with the least ink.
function halvesOf(part, width) {
  if (!isWide(part)) return null;
  const counts = Array(wide(part)).fill(0);
  for (const pixel of part.pixels) counts[(pixel % width) - part.left] += 1;
  const first = Math.floor(wide(part) / 4), end = Math.floor((wide(part) * 3) / 4);
  const isBetter = (one, other) =>
    counts[one] - counts[other] || Math.abs(2 * one - wide(part)) - Math.abs(2 * other - wide(part));
  const columns = Array.from({ length: end - first }, (_, place) => first + place);
  if (!columns.length) return null;
  const column = columns.sort(isBetter)[0];
  if (counts[column] > round32(round32(2.6) * penOf(part, width))) return null;
  const isFirst = (pixel) => (pixel % width) - part.left < column;
  const halves = [part.pixels.filter(isFirst), part.pixels.filter((pixel) => !isFirst(pixel))];
  return halves.every((pixels) => pixels.length) ? halves.map((pixels) => partOf(pixels, width)) : null;
}

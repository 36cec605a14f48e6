// Chooses among the ways in which digits may be taken, as `choice.rs` does: one may be two that touch, and two may be
// pieces of one. The last network decides.

const mostOf = (chances) => Math.max(...chances.slice(0, 10));
const bestOf = (chances) => chances.indexOf(mostOf(chances));

// Other ways to take some digits, where these are not settled, and whether they are better, or doubtful.
function readingsOf(digits, writing, ink, read) {
  const readings = [];
  for (const { from, to, areClose, partsOf } of alternativesOf(writing, ink.width)) {
    const asTheyAre = digits.slice(from, to), settled = to - from > 1 ? READER.likely : READER.settled;
    const parts = areClose || leastOf(asTheyAre) < settled ? partsOf()?.map(read) : null;
    if (!parts) continue;
    const [isBetter, isDoubtful] = compared(asTheyAre, parts, areClose);
    readings.push({ from, to, parts, isBetter, isDoubtful });
  }
  return readings;
}

// Takes the better readings, the likeliest first, where no other one has taken these digits; they are returned from right
// to left. A better one that comes too late leaves doubt; one that is only doubtful leaves none there.
function chosen(readings) {
  const taken = [], isFree = ({ from, to }) => taken.every((other) => to <= other.from || other.to <= from);
  const better = readings.filter(({ isBetter }) => isBetter).sort((one, other) => leastOf(other.parts) - leastOf(one.parts));
  for (const reading of better) if (isFree(reading)) taken.push(reading);
  const doubtful = readings.filter((reading) => {
    const isTaken = taken.includes(reading);
    return (reading.isDoubtful && (isTaken || isFree(reading))) || (reading.isBetter && !isTaken);
  });
  const [mayTouch, inPieces] = [doubtful.some(({ parts }) => parts.length > 1), doubtful.some(({ parts }) => parts.length === 1)];
  return { taken: taken.sort((one, other) => other.from - one.from), mayTouch, inPieces };
}

// The lowest of some digits' probabilities.
const leastOf = (digits) => Math.min(...digits.map(({ chances }) => mostOf(chances.at(-1))));

// Whether these others are better than digits as they are, and whether that is doubtful.
function compared(digits, others, areClose) {
  const before = leastOf(digits), after = leastOf(others), isLikely = after >= READER.likely;
  if (others.length > 1) return [isLikely && before < 0.5, isLikely && before >= 0.5];
  // What is joined is less often wrong than what is cut in two.
  const isBetter = isLikely && before < (after >= READER.settled ? READER.likely : 0.5);
  // A digit that lies close to another one and is read as that one with it just has a neighbour.
  const isNew = digits.every(({ chances }) => bestOf(chances.at(-1)) !== bestOf(others[0].chances.at(-1)));
  const areBothLikely = areClose && isNew && after >= 0.5 && !isBetter;
  return [isBetter || (areBothLikely && isLikely), areBothLikely || (isBetter && before >= 0.5)];
}

// From the pixels of a picture to its ink: what `color.rs`, `ink.rs`, `background.rs` and `shading.rs` do, step by step.

const mapped = ({ width, height, values }, change) => ({ width, height, values: values.map(change) });

// All of the numbers, or evenly spaced ones of too many; the number below which this share of them lies.
const sampled = (values, step = Math.max(Math.ceil(values.length / 20_000), 1)) => values.filter((_, at) => at % step === 0);
const quantileOf = (values, share) => quantile(sampled(values), share);
const sumOf = (values) => values.reduce((sum, value) => sum + value, 0);

// The picture in grey, from 0 (dark) to 1 (light), by the channel in which ink and paper differ most.
function greyOf({ width, height, data }) {
  const grey = (value) => {
    const result = plane(width, height);
    for (let at = 0; at < result.values.length; at++) result.values[at] = value(4 * at);
    return result;
  };
  const any = (is) => {
    for (let at = 0; at < data.length; at += 4) if (is(at)) return true;
    return false;
  };
  const isPlain = () => {
    let most = 0;
    for (let at = 3; at < data.length; at += 4) most = Math.max(most, data[at]);
    const isVisible = (_, at) => data[4 * at + 3] > 127 && data[4 * at + 3] * 20 >= most * 19;
    return [0, 1, 2].every((channel) => {
      const visible = grey((at) => data[at + channel] / 255).values.filter(isVisible);
      return quantileOf(visible, 0.98) - quantileOf(visible, 0.02) < 0.12;
    });
  };
  if (any((at) => data[at + 3] <= 127) && any((at) => data[at + 3] > 127) && isPlain()) {
    return grey((at) => 1 - round32(data[at + 3] / 255));
  }
  const onWhite = (channel) => grey((at) => 1 - (data[at + 3] / 255) * (1 - data[at + channel] / 255));
  if (!any((at) => data[at] !== data[at + 1] || data[at] !== data[at + 2])) return onWhite(0);
  const channels = [0, 1, 2].map(onWhite), [red, green, blue] = channels.map(({ values }) => values);
  const luma = { width, height, values: red.map((value, at) => 0.299 * value + 0.587 * green[at] + 0.114 * blue[at]) };
  const spreads = channels.map(spreadOf), best = spreads.lastIndexOf(Math.max(...spreads));
  // Brightness has less noise than a channel alone.
  return spreads[best] > 1.3 * spreadOf(luma) ? channels[best] : luma;
}

function spreadOf({ values }) {
  const middle = quantileOf(values, 0.5);
  return values.reduce((sum, value) => sum + Math.abs(value - middle), 0) / values.length;
}

// The number that best separates dark pixels from light ones (N. Otsu, 1979).
function thresholdOf({ values }) {
  const counts = new Float64Array(256);
  values.forEach((value) => (counts[Math.floor(round32(round32(255 * value) + 0.5))] += 1));
  const sum = counts.reduce((sum, count, grey) => sum + grey * count, 0), count = values.length;
  let below = 0, sumBelow = 0, largest = 0, best = 0;
  counts.forEach((number, grey) => {
    below += number;
    sumBelow += grey * number;
    const between = (sumBelow * count - sum * below) ** 2 / Math.max(below * (count - below), 1e-9);
    if (between > largest) [largest, best] = [between, grey];
  });
  return round32((best + 0.5) / 255);
}

// Whether the background is light, and whether all of the edge is background: what the corners show, unless they differ.
function backgroundOf({ width, height, values }, threshold) {
  const value = (x, y) => values[y * width + x];
  const light = (values) => values.reduce((count, value) => count + Number(value > threshold), 0) / values.length;
  const ring = (inset) => {
    const result = [], right = width - 1 - inset, bottom = height - 1 - inset;
    for (let x = inset; x <= right; x++) result.push(value(x, inset), value(x, bottom));
    for (let y = inset; y <= bottom; y++) result.push(value(inset, y), value(right, y));
    return Float32Array.from(result);
  };
  const corners = light([value(0, 0), value(width - 1, 0), value(0, height - 1), value(width - 1, height - 1)]);
  const outermost = ring(0), edge = light(outermost), inside = light(ring(Math.floor(Math.min(width, height) / 14)));
  const isFramed = Math.min(edge, inside) < 0.1 && Math.max(edge, inside) > 0.9;
  // A flash or a vignette makes the edge dark, too, but most of the picture is lighter then.
  const isEven = Math.abs(quantileOf(outermost, 0.5) - quantileOf(values, 0.5)) < 0.04;
  const isWhole = isEven && (Math.max(edge, inside) < 0.03 || Math.min(edge, inside) > 0.97);
  const isLight = !isFramed && (corners === 0 || corners === 1)
    ? corners === 1
    : light(values) + inside + (isFramed ? inside : edge) > 1.5;
  return { isLight, isWhole };
}

// Whether the picture is of two greys, paper and ink, on which no light falls.
function isOfTwoGreys({ values }, threshold) {
  const variance = (values) => {
    const mean = sumOf(values) / Math.max(values.length, 1);
    return values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  };
  const all = sampled(values), [dark, light] = [all.filter((value) => value <= threshold), all.filter((value) => value > threshold)];
  if ((variance(dark) + variance(light)) / Math.max(variance(all), 1e-9) >= 0.05) return false;
  const [low, high] = [dark, light].map((values) => quantileOf(values, 0.5)), between = 0.25 * (high - low);
  return low - quantileOf(dark, 0.002) < between && quantileOf(light, 0.998) - high < between;
}

// The ink of a grey picture, from 0 (paper) to 1 (the middle of a stroke); nothing where there is none.
function inkOf(picture) {
  const isLarge = Math.min(picture.width, picture.height) >= 50, found = isLarge ? noiseOf(picture) : 0;
  const [grey, noise] = found > 0.008 ? [smoothed(picture), found * 0.27] : [picture, found];
  const threshold = thresholdOf(grey), background = backgroundOf(grey, threshold);
  const isDrawn = !isLarge || isOfTwoGreys(grey, threshold);
  const ink = isDrawn ? drawn(grey, background, threshold) : photographed(grey, background), strength = strengthOf(ink);
  if (strength < 0.06 || strength < 6 * noise) return null;
  return mapped(ink, (value) => Math.min(value / strength, 1));
}

// How far each pixel differs from paper of one grey.
function drawn(grey, { isLight }, threshold) {
  const paper = quantileOf(sampled(grey.values).filter((value) => value > threshold === isLight), 0.5), sign = isLight ? 1 : -1;
  return mapped(grey, (value) => Math.max(sign * (paper - value), 0));
}

// The ink on paper that light falls on: where it reflects, as a share of the light.
function photographed(grey, { isLight, isWhole }) {
  const inked = (isDark) => withoutShading(isDark ? grey : mapped(grey, (value) => 1 - value), isDark);
  if (isWhole) return inked(isLight);
  const [dark, light] = [inked(true), inked(false)];
  // Few pixels are as dark as dark ink. What a wrong choice takes for ink is paper, which is as light as much else.
  const share = (ink, isAs) => {
    const half = strengthOf(ink) / 2, middle = quantileOf(grey.values.filter((_, at) => ink.values[at] > half), 0.5);
    return grey.values.reduce((count, value) => count + Number(isAs(value, middle)), 0) / grey.values.length;
  };
  const isLighter = (value, ink) => value >= ink, isDarker = (value, ink) => value <= ink;
  return share(dark, isDarker) < 1.5 * share(light, isLighter) ? dark : light;
}

// How far each pixel is darker than the paper around it, as a share of the paper's light where that reflects.
function withoutShading(grey, reflects) {
  const { width, height } = grey, reach = Math.floor(Math.max(Math.floor(Math.min(width, height) / 2), 3) / 2);
  // Closing by a square: the lightest of what is around, then the darkest of that. What touches the edge goes on beyond it.
  const [wide, high] = [width, height].map((side) => side + 4 * reach);
  const inside = (place, length) => Math.min(Math.max(place - 2 * reach, 0), length - 1);
  const beyond = Uint8Array.from({ length: wide * high }, (_, at) => {
    const value = grey.values[inside(Math.floor(at / wide), height) * width + inside(at % wide, width)];
    return Math.round(round32(Math.min(Math.max(value, 0), 1) * 255));
  });
  const extremes = (values, pick) => extremesOf(extremesOf(values, high, wide, 1, reach, pick), wide, high, wide, reach, pick);
  const closed = extremes(extremes(beyond, Math.max), Math.min);
  const lightAt = (at) => closed[(Math.floor(at / width) + 2 * reach) * wide + (at % width) + 2 * reach];
  const ink = { width, height, values: grey.values.map((value, at) => {
    const light = round32(lightAt(at) / 255);
    return (light - value) / (reflects ? Math.max(light, round32(0.1)) : 1);
  }) };
  // The closing takes the lightest of the noise for the paper.
  const background = Math.min(quantileOf(ink.values, 0.5), round32(0.1));
  return mapped(ink, (value) => Math.max(value - background, 0));
}

// The extreme within this reach of each number, line by line: `step` from one number of a line to the next.
function extremesOf(values, lines, length, step, reach, pick) {
  const result = values.slice(), between = step === 1 ? length : 1, queue = new Int32Array(length);
  for (let line = 0; line < lines; line++) {
    const start = line * between;
    for (let place = 0, next = 0, first = 0, end = 0; place < length; place++) {
      for (; next < Math.min(place + reach + 1, length); next++) {
        const value = values[start + next * step];
        // What is not as extreme and lies behind is never the extreme again.
        while (end > first && pick(value, values[start + queue[end - 1] * step]) === value) end -= 1;
        queue[end++] = next;
      }
      while (queue[first] < place - reach) first += 1;
      result[start + place * step] = values[start + queue[first] * step];
    }
  }
  return result;
}

// The mean of the strongest pixels, one in 2,000.
function strengthOf({ values }) {
  const count = Math.min(Math.max(Math.floor(values.length / 2_000), 12), values.length), high = quantileOf(values, 0.99);
  const strongest = values.filter((value) => value > 0 && value >= high).sort().reverse().slice(0, count);
  return sumOf(strongest) / Math.max(strongest.length, 1);
}

// The standard deviation of the noise, from the differences of pixels to their neighbours: most are paper.
function noiseOf({ width, height, values }) {
  const differences = [], step = Math.ceil(height / 50);
  for (let y = 1; y < height - 1; y += step) {
    for (let at = y * width + 1; at < (y + 1) * width - 1; at++) {
      const around = (values[at - 1] + values[at + 1] + values[at - width] + values[at + width]) / 4;
      differences.push(Math.abs(values[at] - around));
    }
  }
  return 1.4826 * Math.sqrt(0.8) * quantileOf(Float32Array.from(differences), 0.5);
}

// Each number's mean with those around it, by weights of 1, 4, 6, 4 and 1 down and across.
function smoothed(grey) {
  const down = ({ width, height, values }) => ({ width, height, values: values.map((_, at) => {
    const x = at % width, y = (at - x) / width, row = (by) => values[Math.min(Math.max(y + by, 0), height - 1) * width + x];
    return (row(-2) + 4 * row(-1) + 6 * row(0) + 4 * row(1) + row(2)) / 16;
  }) });
  return turned(down(turned(down(grey))));
}

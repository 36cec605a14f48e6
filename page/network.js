// The network: from 28 × 28 pixels to the probability of each digit, layer by layer. Between layers there is a picture
// { height, width, channels, values } whose values lie channel by channel, pixel by pixel, row by row.

// The weights come as numbers of eight bits in base64, to be multiplied by the scale of their output.
function unpacked({ layer, kernel, scales, bias }) {
  if (!kernel) return { layer };
  const bytes = Uint8Array.from(atob(kernel), (letter) => letter.charCodeAt(0));
  const numbers = new Int8Array(bytes.buffer);
  // A dense kernel goes from output to output, a convolution's from weight to weight of an output.
  const inputs = numbers.length / scales.length;
  const output = (index) => (layer.Dense ? index % scales.length : Math.floor(index / inputs));
  // Scales and bias are written with as many digits as tell one 32-bit float from the next.
  const weights = new Float64Array(numbers.length + (AT_ONCE - 1) * inputs);
  numbers.forEach((number, index) => (weights[index] = number * Math.fround(scales[output(index)])));
  return { layer, kernel: weights, bias: Float32Array.from(bias) };
}

// A convolution computes this many channels at once, so that it reads each value less often. Behind the kernel there are
// zeros for those that the last ones lack.
const AT_ONCE = 4;

function convolve({ height, width, channels: depth, values }, { channels, size, stride, padding }, kernel, bias) {
  // With zeros beyond the edges, each row of the kernel meets values that lie side by side.
  const row = (width + 2 * padding) * depth, span = size * depth, inputs = size * span;
  const padded = new Float64Array((height + 2 * padding) * row);
  for (let y = 0; y < height; y++) {
    padded.set(values.subarray(y * width * depth, (y + 1) * width * depth), (y + padding) * row + padding * depth);
  }
  const [high, wide] = [height, width].map((side) => Math.floor((side + 2 * padding - size) / stride) + 1);
  const result = new Float64Array(high * wide * channels);
  for (let y = 0, place = 0; y < high; y++) {
    for (let x = 0; x < wide; x++, place += channels) {
      for (let channel = 0; channel < channels; channel += AT_ONCE) {
        let one = 0, two = 0, three = 0, four = 0;
        for (let down = 0, weight = channel * inputs; down < size; down++) {
          const start = (y * stride + down) * row + x * stride * depth;
          for (let at = start; at < start + span; at++, weight++) {
            const value = padded[at];
            if (value === 0) continue; // Paper, or what a ReLU stopped.
            one += value * kernel[weight];
            two += value * kernel[weight + inputs];
            three += value * kernel[weight + 2 * inputs];
            four += value * kernel[weight + 3 * inputs];
          }
        }
        // Beyond the last channel lies the next pixel, which is computed later; behind the last pixel, nothing is kept.
        const to = place + channel;
        result[to] = one, result[to + 1] = two, result[to + 2] = three, result[to + 3] = four;
      }
      for (let channel = 0; channel < channels; channel++) result[place + channel] += bias[channel];
    }
  }
  return { height: high, width: wide, channels, values: result };
}

function largest({ height, width, channels, values }, side) {
  const [high, wide] = [Math.floor(height / side), Math.floor(width / side)];
  const result = new Float64Array(high * wide * channels).fill(-Infinity);
  for (let y = 0; y < high * side; y++) {
    for (let x = 0; x < wide * side; x++) {
      for (let channel = 0; channel < channels; channel++) {
        const to = (Math.floor(y / side) * wide + Math.floor(x / side)) * channels + channel;
        result[to] = Math.max(result[to], values[(y * width + x) * channels + channel]);
      }
    }
  }
  return { height: high, width: wide, channels, values: result };
}

// One pixel with all values, which then lie pixel by pixel, channel by channel.
function flattened({ height, width, channels, values }) {
  const pixels = height * width;
  const result = values.map((_, index) => values[(index % pixels) * channels + Math.floor(index / pixels)]);
  return { height: 1, width: 1, channels: values.length, values: result };
}

function dense({ values }, kernel, bias) {
  const result = Float64Array.from(bias);
  values.forEach((value, input) => {
    for (let output = 0; output < result.length; output++) result[output] += value * kernel[input * result.length + output];
  });
  return { height: 1, width: 1, channels: result.length, values: result };
}

function through(picture, { layer, kernel, bias }) {
  if (layer === "Relu") return { ...picture, values: picture.values.map((value) => Math.max(value, 0)) };
  if (layer === "Flatten") return flattened(picture);
  if (layer.MaxPool) return largest(picture, layer.MaxPool);
  if (layer.Dense) return dense(picture, kernel, bias);
  return convolve(picture, layer.Convolution, kernel, bias);
}

// What the last layer of a network takes of a digit; `values` are 28 × 28 numbers from 0 (paper) to 1 (ink).
function featuresOf({ layers }, values) {
  return layers.slice(0, -1).reduce(through, { height: 28, width: 28, channels: 1, values });
}

// The probability of each digit and, where the network knows it, of none of them. `hand` is a last layer that has learnt.
function chancesOf({ layers, none, hand }, features) {
  const logits = [hand ?? layers.at(-1), ...(none ? [none] : [])].flatMap((layer) => [...through(features, layer).values]);
  const most = Math.max(...logits), powers = logits.map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((one, other) => one + other);
  return powers.map((power) => power / sum);
}

const probabilities = (network, values) => chancesOf(network, featuresOf(network, values));

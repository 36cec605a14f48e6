// Learns a hand: each correction changes the last layer of the networks, until it is forgotten.

// Steps of the training, its learning rate, and how strongly weights are held to what they were.
const STEPS_OF_HAND = 100, RATE = 1, HOLD = 0.03;

// Digits that were corrected: their 28 × 28 numbers, and what they are.
const corrections = [];

// Returns the last layer after gradient descent on the corrections' cross-entropy, held to the old weights.
function learnt(network) {
  const { layer, kernel, bias } = network.layers.at(-1), count = bias.length;
  const hand = { layer, kernel: Float64Array.from(kernel), bias };
  const samples = corrections.map(({ values, digit }) => [featuresOf(network, values), digit]);
  const square = Math.max(...samples.map(([{ values }]) => values.reduce((sum, value) => sum + value * value, 0)));
  // More than ten corrections do not change more.
  const rate = (RATE * Math.min(1, 10 / samples.length)) / square;
  for (let step = 0; step < STEPS_OF_HAND; step++) {
    const errors = samples.map(([features, digit]) =>
      chancesOf({ ...network, hand }, features).slice(0, count).map((chance, index) => chance - Number(index === digit)));
    for (let at = 0; at < hand.kernel.length; at++) hand.kernel[at] += HOLD * (kernel[at] - hand.kernel[at]);
    samples.forEach(([{ values }], sample) => {
      values.forEach((value, input) => {
        if (value === 0) return;
        for (let output = 0; output < count; output++) hand.kernel[input * count + output] -= rate * value * errors[sample][output];
      });
    });
  }
  return hand;
}

// Corrects a digit; a second press on the same one corrects the first.
function correct(values, digit) {
  const before = corrections.find((other) => other.values.every((value, at) => value === values[at]));
  if (before) before.digit = digit;
  else corrections.push({ values, digit });
  learnHand();
}

function forget() {
  corrections.length = 0;
  learnHand();
}

// Takes all corrections into account, or none.
function learnHand() {
  for (const network of networks) {
    const canLearn = corrections.length && network.layers.at(-1).layer.Dense;
    network.hand = canLearn ? learnt(network) : undefined;
  }
  element("hand").hidden = !corrections.length;
  element("learnt").textContent = corrections.length === 1 ? "1 correction learnt." : `${corrections.length} corrections learnt.`;
  keepHand();
  read();
}

// What is kept lies in the browser; pages within another page may have nothing to keep it in.
const KEPT = "mnist-classification: corrections";

function keepHand() {
  try {
    if (!element("keep").checked || !corrections.length) return localStorage.removeItem(KEPT);
    const rounded = corrections.map(({ values, digit }) => ({ values: Array.from(values, (value) => Number(value.toFixed(4))), digit }));
    localStorage.setItem(KEPT, JSON.stringify(rounded));
  } catch {
    element("keep").parentElement.hidden = true;
  }
}

function recallHand() {
  const isOne = ({ values, digit }) => values?.length === 784 && values.every(Number.isFinite) && digit in Array(10).fill(0);
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "[]").filter(isOne);
    corrections.push(...kept.map(({ values, digit }) => ({ values: Float32Array.from(values), digit })));
  } catch {
    // There is nothing kept, or what is no correction.
  }
  element("keep").checked = corrections.length > 0;
  if (corrections.length) learnHand();
}

element("keep").addEventListener("change", keepHand);
element("forget").addEventListener("click", forget);

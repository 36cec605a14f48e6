// Learns a hand: each correction changes the last layer of the networks, until it is forgotten.

// Steps of the training, its learning rate, and how strongly weights are held to what they were.
const STEPS_OF_HAND = 100, RATE = 1, HOLD = 0.01;

// Digits that were corrected: their 28 × 28 numbers, and what they are.
const corrections = [];

// Returns the last layer after gradient descent on the corrections' cross-entropy, with the distance from the old weights.
function learnt(network) {
  const { layer, kernel, bias } = network.layers.at(-1), count = bias.length;
  const hand = { layer, kernel: Float64Array.from(kernel), bias };
  const samples = corrections.map(({ values, digit }) => [featuresOf(network, values), digit]);
  const square = Math.max(...samples.map(([{ values }]) => values.reduce((sum, value) => sum + value * value, 0)));
  for (let step = 0; step < STEPS_OF_HAND; step++) {
    const errors = samples.map(([features, digit]) =>
      chancesOf({ ...network, hand }, features).slice(0, count).map((chance, index) => chance - Number(index === digit)));
    for (let at = 0; at < hand.kernel.length; at++) hand.kernel[at] += HOLD * (kernel[at] - hand.kernel[at]);
    samples.forEach(([{ values }], sample) => {
      values.forEach((value, input) => {
        if (value === 0) return;
        const step = (RATE * value) / square;
        for (let output = 0; output < count; output++) hand.kernel[input * count + output] -= step * errors[sample][output];
      });
    });
  }
  return hand;
}

// Corrects a digit. What the networks know of the hand is forgotten where nothing is corrected.
function correct(values, digit) {
  corrections.push({ values, digit });
  learnHand();
}

function forget() {
  corrections.length = 0;
  learnHand();
}

function learnHand() {
  for (const network of networks) network.hand = corrections.length ? learnt(network) : undefined;
  element("hand").hidden = !corrections.length;
  element("learnt").textContent = corrections.length === 1 ? "1 correction learnt." : `${corrections.length} corrections learnt.`;
  keepHand();
  read();
}

// What is kept lies in the browser; pages within another page may have nothing to keep it in.
const KEPT = "corrections";

function keepHand() {
  if (element("keep").parentElement.hidden) return;
  if (!element("keep").checked || !corrections.length) return localStorage.removeItem(KEPT);
  const rounded = corrections.map(({ values, digit }) => ({ values: Array.from(values, (value) => Number(value.toFixed(4))), digit }));
  localStorage.setItem(KEPT, JSON.stringify(rounded));
}

function recallHand() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    corrections.push(...kept.map(({ values, digit }) => ({ values: Float32Array.from(values), digit })));
  } catch {
    element("keep").parentElement.hidden = true;
  }
  element("keep").checked = corrections.length > 0;
  if (corrections.length) learnHand();
}

element("keep").addEventListener("change", keepHand);
element("forget").addEventListener("click", forget);

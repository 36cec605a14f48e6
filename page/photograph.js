// Reads a picture that is chosen, dropped or pasted, by the steps of `picture.rs`.

// Larger pictures are shrunk to this many pixels on their longer side; one whose shorter side is twice as long as the other
// number is first looked at this small; so many windows may lie one in another.
const LONGEST = 1_600, FIRST_LOOK = 200, WINDOWS = 2;

// What is written on a grey picture: the ink and the writing; nothing where there is none.
function foundOn(grey, windows = WINDOWS) {
  const times = Math.floor(Math.min(grey.width, grey.height) / FIRST_LOOK);
  const first = times > 1 ? foundAtThisSize(shrunk(grey, times), windows) : null;
  const isLarge = first?.writing.digits.every((part) => size(part) + 2 * Math.ceil(size(part) / 20) >= SIDE);
  return isLarge ? first : foundAtThisSize(grey, windows);
}

function foundAtThisSize(grey, windows) {
  const ink = inkOf(grey);
  if (!ink) return null;
  const panel = windows ? panelOf(ink) : null, within = panel && foundOn(cropped(grey, ...panel.rectangle), windows - 1);
  if (within) {
    within.writing.leftOut.push(...panel.outside);
    return within;
  }
  const clean = withoutRuling(ink), writing = writingOn(clean);
  return writing.digits.length ? { ink: clean, writing } : null;
}

function cropped({ width, values }, left, top, wide, high) {
  const result = plane(wide, high);
  for (let y = 0; y < high; y++) {
    const start = (top + y) * width + left;
    result.values.set(values.subarray(start, start + wide), y * wide);
  }
  return result;
}

// Shrinks a picture so many times: each pixel is the mean of a square.
function shrunk({ width, height, values }, times) {
  const [wide, high] = [width, height].map((side) => Math.floor(side / times)), result = plane(wide, high);
  for (let y = 0; y < high * times; y++) {
    for (let x = 0; x < wide; x++) {
      let sum = 0;
      for (let at = y * width + x * times, end = at + times; at < end; at++) sum = round32(sum + values[at]);
      result.values[Math.floor(y / times) * wide + x] += sum;
    }
  }
  return mapped(result, (sum) => sum / times ** 2);
}

// The pixels of a picture file, upright, at most so large.
async function pixelsOf(file) {
  const picture = await createImageBitmap(file), scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = Object.assign(document.createElement("canvas"), { width, height }), context = canvas.getContext("2d");
  Object.assign(context, { imageSmoothingQuality: "high" }).drawImage(picture, 0, 0, width, height);
  return [canvas, context.getImageData(0, 0, width, height)];
}

// The number of the picture that was asked for last: an earlier one may be ready later.
let asked = 0;

// Shows a picture on the pad and reads it, until something is drawn, cleared or undone: then the strokes are there again.
async function readPicture(file) {
  const number = (asked += 1);
  let canvas, pixels;
  try {
    [canvas, pixels] = await pixelsOf(file);
  } catch {
    answer.textContent = "This file is no picture that the browser can read: try PNG or JPEG";
    return null;
  }
  if (number !== asked) return null;
  context.fillStyle = "white";
  context.fillRect(0, 0, pad.width, pad.height);
  const scale = Math.min(pad.width / canvas.width, pad.height / canvas.height);
  const [width, height] = [canvas.width, canvas.height].map((side) => side * scale);
  context.drawImage(canvas, (pad.width - width) / 2, (pad.height - height) / 2, width, height);
  picture = foundOn(greyOf(pixels)) ?? { ink: null, writing: { digits: [], marks: [], leftOut: [] } };
  return read();
}

element("file").addEventListener("change", ({ target }) => {
  if (target.files.length) readPicture(target.files[0]);
  // The same file may be chosen again.
  target.value = "";
});
document.addEventListener("paste", ({ clipboardData }) => {
  if (clipboardData.files.length) readPicture(clipboardData.files[0]);
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) readPicture(event.dataTransfer.files[0]);
});

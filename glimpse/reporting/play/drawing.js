// Drawings as pictures: what was drawn on a board is scaled and placed as the digits of the run's data are.

// Return the smallest box around the ink, or null if there is none. Ink is width * height bytes.
function inkBox(ink, width, height) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (ink[at] < 32) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), y];
    }
  }
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

// Return the mean of the ink in a box; its sides are rounded to whole pixels.
function meanInk(ink, width, height, left, top, right, bottom) {
  let [sum, count] = [0, 0];
  for (let y = Math.max(0, Math.floor(top)); y < Math.min(height, Math.max(bottom, Math.floor(top) + 1)); y++) {
    for (let x = Math.max(0, Math.floor(left)); x < Math.min(width, Math.max(right, Math.floor(left) + 1)); x++, count++) {
      sum += ink[y * width + x];
    }
  }
  return count ? sum / count : 0;
}

// Scale the ink in a box to a digit whose longer side is `side`.
function scaleInk(ink, width, height, box, side) {
  const cell = Math.max(box.width, box.height) / side;
  const small = { width: Math.max(1, Math.round(box.width / cell)), height: Math.max(1, Math.round(box.height / cell)), bytes: [] };
  for (let row = 0; row < small.height; row++) {
    for (let column = 0; column < small.width; column++) {
      const [left, top] = [box.left + column * cell, box.top + row * cell];
      small.bytes.push(Math.round(meanInk(ink, width, height, left, top, left + cell, top + cell)));
    }
  }
  return small;
}

// Return the centre of mass of a small digit, in its pixels.
function centreOfMass(small) {
  let [sum, across, down] = [0, 0, 0];
  small.bytes.forEach((value, at) => {
    sum += value;
    across += value * ((at % small.width) + 0.5);
    down += value * (Math.floor(at / small.width) + 0.5);
  });
  return [across / sum, down / sum];
}

// Return the picture (run.width * run.height bytes) of ink on a board: in the middle where the run's digits are, else
// where it was drawn. Without ink the picture is black.
function pictureOfInk(run, ink, width, height) {
  const picture = new Uint8Array(run.width * run.height);
  const box = inkBox(ink, width, height);
  if (!box) return picture;
  const small = scaleInk(ink, width, height, box, Math.min(run.digitSide, run.width, run.height));
  const middle = run.centred ? centreOfMass(small) : [small.width / 2, small.height / 2];
  const goal = run.centred
    ? [run.width / 2, run.height / 2]
    : [((box.left + box.width / 2) * run.width) / width, ((box.top + box.height / 2) * run.height) / height];
  const room = [run.width - small.width, run.height - small.height];
  const [left, top] = goal.map((place, axis) => Math.min(room[axis], Math.max(0, Math.round(place - middle[axis]))));
  small.bytes.forEach((value, at) => {
    picture[(top + Math.floor(at / small.width)) * run.width + left + (at % small.width)] = value;
  });
  return picture;
}

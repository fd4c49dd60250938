// Boards: canvases that show a picture, or what was seen of it, and windows on it.

const COLOURS = { agent: "#46c8d8", you: "#ffb02e", unseen: "#3b4654", stripe: "#465364", halo: "rgba(0, 0, 0, 0.8)" };
const BOARD_SIDE = 560;

// Give a canvas the run's proportions, with a whole number of dots for each pixel of the picture.
function prepareBoard(canvas, run) {
  const scale = Math.max(1, Math.ceil(BOARD_SIDE / Math.max(run.width, run.height)));
  [canvas.width, canvas.height] = [run.width * scale, run.height * scale];
}

function fillSquare(context, grey, left, top, side) {
  const level = Math.round(255 * grey);
  context.fillStyle = `rgb(${level}, ${level}, ${level})`;
  context.fillRect(left, top, side, side);
}

// Paint a picture, from 0 to 255 each pixel, over the whole canvas.
function paintPicture(canvas, run, picture) {
  const [context, scale] = [canvas.getContext("2d"), canvas.width / run.width];
  picture.forEach((value, at) => {
    fillSquare(context, value / 255, (at % run.width) * scale, Math.floor(at / run.width) * scale, scale);
  });
}

// Paint a board of which nothing was seen, in a pattern that no picture has.
function paintUnseen(canvas) {
  const context = canvas.getContext("2d");
  context.fillStyle = COLOURS.unseen;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.strokeStyle = COLOURS.stripe;
  context.lineWidth = 4;
  context.beginPath();
  for (let at = -canvas.height; at < canvas.width; at += 20) {
    context.moveTo(at, 0);
    context.lineTo(at + canvas.height, canvas.height);
  }
  context.stroke();
}

// Paint what was seen at a location, the coarsest scale first, so that the finer ones lie upon it.
function paintGlimpse(canvas, run, location, glimpse) {
  const [context, scale, cells] = [canvas.getContext("2d"), canvas.width / run.width, run.patch * run.patch];
  for (let level = run.scales - 1; level >= 0; level--) {
    const { left, top, cell } = windowAt(run, location, level);
    for (let at = 0; at < cells; at++) {
      const [x, y] = [left + (at % run.patch) * cell, top + Math.floor(at / run.patch) * cell];
      fillSquare(context, glimpse[level * cells + at], x * scale, y * scale, cell * scale);
    }
  }
}

// Draw lines twice: a dark halo, and the colour upon it, so that they are seen on black and on white.
function strokeWithHalo(context, colour, width, trace) {
  for (const [style, lineWidth] of [[COLOURS.halo, width + 4], [colour, width]]) {
    [context.strokeStyle, context.lineWidth] = [style, lineWidth];
    context.beginPath();
    trace();
    context.stroke();
  }
}

// Draw the windows of one location, one for each scale; dashed if it is only proposed.
function paintWindow(canvas, run, location, colour, dashed = false) {
  const [context, scale] = [canvas.getContext("2d"), canvas.width / run.width];
  context.setLineDash(dashed ? [12, 8] : []);
  for (let level = 0; level < run.scales; level++) {
    const { left, top, side } = windowAt(run, location, level);
    strokeWithHalo(context, colour, 4, () => context.rect(left * scale, top * scale, side * scale, side * scale));
  }
  context.setLineDash([]);
}

// Draw windows, the path through them, and their numbers.
function paintPath(canvas, run, locations, colour) {
  const context = canvas.getContext("2d");
  const points = locations.map(([x, y]) => [((x + 1) / 2) * canvas.width, ((y + 1) / 2) * canvas.height]);
  locations.forEach((location) => paintWindow(canvas, run, location, colour));
  strokeWithHalo(context, colour, 4, () => points.forEach((point) => context.lineTo(...point)));
  [context.font, context.textAlign, context.textBaseline] = ["bold 24px sans-serif", "center", "middle"];
  points.forEach(([x, y], number) => {
    context.fillStyle = colour;
    context.beginPath();
    context.arc(x, y, 17, 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = "#101418";
    context.fillText(number + 1, x, y + 1);
  });
}

// Return the location on a board of a mouse or a finger.
function placeOf(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map((part) => clamped(2 * part - 1));
}

// Return a small canvas of what was seen, with the scales side by side.
function glimpsePicture(run, glimpse) {
  const canvas = document.createElement("canvas");
  const [scale, cells] = [Math.max(1, Math.round(64 / run.patch)), run.patch * run.patch];
  const width = run.patch * scale + 4; // With a gap between the scales.
  [canvas.width, canvas.height] = [width * run.scales - 4, run.patch * scale];
  glimpse.forEach((grey, at) => {
    const [level, cell] = [Math.floor(at / cells), at % cells];
    const x = level * width + (cell % run.patch) * scale;
    fillSquare(canvas.getContext("2d"), grey, x, Math.floor(cell / run.patch) * scale, scale);
  });
  return canvas;
}

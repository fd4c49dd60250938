// The anytime agent's own parts: how it reads a glimpse, and how it chooses the next location. See agent.js.

// Return Fourier features of coordinates: themselves, then all sines and all cosines at octaves of pi.
function fourierFeatures(run, place) {
  const angles = place.flatMap((value) => Array.from({ length: run.frequencies }, (_, octave) => value * Math.PI * 2 ** octave));
  return [...place, ...angles.map(Math.sin), ...angles.map(Math.cos)];
}

// Return what the encoder, fully connected layers with ReLU, sees in the patch of each scale, one after the other.
function encodePatches(run, weights, glimpse) {
  const seen = [];
  for (let scale = 0; scale < run.scales; scale++) {
    let values = glimpse.slice(scale * run.patch ** 2, (scale + 1) * run.patch ** 2);
    for (let layer = 0; weights[`glimpse_network.encoder.layers.${layer}.weight`]; layer += 2) {
      values = relu(linear(weights, `glimpse_network.encoder.layers.${layer}`, values));
    }
    seen.push(...values);
  }
  return seen;
}

// Return the centres of a grid's cells, row by row.
function cellCentres(side) {
  return Array.from({ length: side * side }, (_, cell) => [cell % side, Math.floor(cell / side)].map((at) => (2 * at + 1) / side - 1));
}

// Return the number of the cell that holds a location.
function cellOf(side, location) {
  const [column, row] = location.map((value) => Math.min(side - 1, Math.floor(((value + 1) / 2) * side)));
  return row * side + column;
}

// Return the likeliest cell's location: its centre, or its mean place inside the cell.
function bestCell(run, weights, hidden, looked) {
  const query = matrixTimes(weights["policy.query.weight"], hidden);
  const visited = new Set(looked.map((location) => cellOf(run.cells, location)));
  let best = { score: -Infinity };
  cellCentres(run.cells).forEach((centre, cell) => {
    const key = plus(linear(weights, "policy.place", fourierFeatures(run, [...centre, 0])), query);
    const inner = relu(visited.has(cell) ? plus(key, weights["policy.visited"].values) : key);
    const score = matrixTimes(weights["policy.score.weight"], inner)[0];
    if (score > best.score) best = { score, centre, inner };
  });
  if (!weights["policy.offset.weight"]) return best.centre.map(clamped);
  const offset = linear(weights, "policy.offset", best.inner);
  return best.centre.map((value, axis) => clamped(value + Math.tanh(offset[axis]) / run.cells));
}

// Return the mean location of the Gaussian policy after look number `time`, counted from 0.
function meanLook(weights, hidden, time) {
  const mean = linear(weights, "policy.location", relu(linear(weights, "policy.hidden", hidden)));
  return [0, 1].map((axis) => clamped(Math.tanh(mean[axis] + weights["policy.bias"].values[2 * time + axis])));
}

PARTS.anytime = {
  feature(run, weights, glimpse, location) {
    const what = linear(weights, "glimpse_network.what", encodePatches(run, weights, glimpse));
    return relu(plus(what, linear(weights, "glimpse_network.where", fourierFeatures(run, Array.from(location)))));
  },
  next(run, weights, hidden, looked) {
    return run.cells ? bestCell(run, weights, hidden, looked) : meanLook(weights, hidden, looked.length - 1);
  },
};

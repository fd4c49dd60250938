"use strict";
// The agent: a recurrent network that looks at a picture through small windows and names its class.
// A run (an object, see play_data.py) holds its numbers; a picture is height * width bytes, row by row; a location is
// [x, y] from -1 to 1, x to the right and y down. Locations are rounded to single precision, as PyTorch computes them.

// Return the bytes of a text in base64.
function decodeBytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// Return the number that 16 bits mean in half precision.
function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : (sign * 2 ** -14 * fraction) / 1024;
}

// Return the run's weights by name: an array of numbers each, and its shape.
function readWeights(run) {
  const bytes = decodeBytes(run.numbers);
  const weights = {};
  let at = 0;
  const halves = (count) => {
    const first = at;
    at += 2 * count;
    return Float32Array.from({ length: count }, (_, number) => {
      return halfToNumber(bytes[first + 2 * number] | (bytes[first + 2 * number + 1] << 8));
    });
  };
  for (const [name, shape, bits] of run.weights) {
    const count = shape.reduce((product, side) => product * side, 1);
    const scales = halves(bits === 8 ? shape[0] : count);
    let values = scales;
    if (bits === 8) { // Whole numbers from -127 to 127, times the scale of their row.
      const row = count / shape[0];
      values = Float32Array.from(new Int8Array(bytes.buffer, at, count), (whole, n) => whole * scales[Math.floor(n / row)]);
      at += count;
    }
    weights[name] = { values, shape };
  }
  return weights;
}

// Return matrix * input.
function matrixTimes(matrix, input) {
  const [rows, columns] = matrix.shape;
  const output = new Float64Array(rows);
  for (let row = 0, at = 0; row < rows; row++) {
    let sum = 0;
    for (let column = 0; column < columns; column++, at++) sum += matrix.values[at] * input[column];
    output[row] = sum;
  }
  return output;
}

// Return matrix * input + bias.
function affine(matrix, bias, input) {
  return matrixTimes(matrix, input).map((value, row) => value + bias.values[row]);
}

function linear(weights, name, input) {
  return affine(weights[`${name}.weight`], weights[`${name}.bias`], input);
}

const plus = (first, second) => first.map((value, number) => value + second[number]);
const relu = (values) => values.map((value) => Math.max(0, value));
const sigmoid = (value) => 1 / (1 + Math.exp(-value));
const clamped = (value) => Math.fround(Math.min(1, Math.max(-1, value)));

function softmax(values) {
  const largest = Math.max(...values);
  const powers = Array.from(values, (value) => Math.exp(value - largest));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

// Return the window of one scale at a location: its corner, its side, and the side of each of its cells, in pixels.
function windowAt(run, location, scale) {
  const cell = run.zoom ** scale;
  const side = cell * run.patch;
  const rounding = side % 2 ? 0 : 0.5;
  const [left, top] = [run.width, run.height].map((length, axis) => {
    const centre = Math.fround(Math.fround(clamped(location[axis]) + 1) * (length / 2));
    return Math.floor(Math.fround(centre + rounding)) - Math.floor(side / 2);
  });
  return { left, top, side, cell };
}

// Return the mean brightness, from 0 to 1, of a square of the picture; what is outside of it is black.
function meanBrightness(run, picture, left, top, side) {
  let sum = 0;
  for (let y = Math.max(0, top); y < Math.min(run.height, top + side); y++) {
    for (let x = Math.max(0, left); x < Math.min(run.width, left + side); x++) sum += picture[y * run.width + x];
  }
  return sum / (255 * side * side);
}

// Return what the agent sees at a location: patch * patch numbers for each scale, the finest first.
function takeGlimpse(run, picture, location) {
  const seen = [];
  for (let scale = 0; scale < run.scales; scale++) {
    const { left, top, cell } = windowAt(run, location, scale);
    for (let row = 0; row < run.patch; row++) {
      for (let column = 0; column < run.patch; column++) {
        seen.push(meanBrightness(run, picture, left + column * cell, top + row * cell, cell));
      }
    }
  }
  return seen;
}

// Recurrent cores: each turns a feature and the memory {hidden, cell} into the next memory.
const CORES = {
  rnn(weights, feature, memory) {
    const read = linear(weights, "core.layer.linears.0", feature);
    return { hidden: relu(plus(read, linear(weights, "core.layer.linears.1", memory.hidden))) };
  },
  gru(weights, feature, memory) {
    const [read, kept] = recurrentSums(weights, "core.gru", feature, memory.hidden);
    const width = memory.hidden.length;
    return {
      hidden: memory.hidden.map((before, unit) => {
        const reset = sigmoid(read[unit] + kept[unit]);
        const update = sigmoid(read[width + unit] + kept[width + unit]);
        const proposed = Math.tanh(read[2 * width + unit] + reset * kept[2 * width + unit]);
        return (1 - update) * proposed + update * before;
      }),
    };
  },
  lstm(weights, feature, memory) {
    const sums = plus(...recurrentSums(weights, "core.lstm", feature, memory.hidden));
    const width = memory.hidden.length;
    const cell = memory.cell.map((before, unit) => {
      const [input, forget] = [sums[unit], sums[width + unit]].map(sigmoid);
      return forget * before + input * Math.tanh(sums[2 * width + unit]);
    });
    return { cell, hidden: cell.map((value, unit) => sigmoid(sums[3 * width + unit]) * Math.tanh(value)) };
  },
};

// Return the sums of all gates from the feature, and from the hidden state.
function recurrentSums(weights, name, feature, hidden) {
  const sums = (part, input) => affine(weights[`${name}.weight_${part}_l0`], weights[`${name}.bias_${part}_l0`], input);
  return [sums("ih", feature), sums("hh", hidden)];
}

// What differs between agents: the feature of a glimpse at a location, and the next location after those looked at.
const PARTS = {
  ram: {
    feature(run, weights, glimpse, location) {
      const what = relu(linear(weights, "glimpse_network.what.linears.0", glimpse));
      const where = relu(linear(weights, "glimpse_network.where.linears.0", location));
      return relu(plus(...[what, where].map((part, n) => linear(weights, `glimpse_network.both.linears.${n}`, part))));
    },
    next(run, weights, hidden, looked) {
      return nextLocation(weights, hidden, looked.length - 1);
    },
  },
};

// Return the next location that the locator proposes after look number `time`, counted from 0.
function nextLocation(weights, hidden, time) {
  const inner = weights["locator.hidden.linears.0.weight"] ? relu(linear(weights, "locator.hidden.linears.0", hidden)) : hidden;
  const mean = linear(weights, "locator.mean", inner);
  return [0, 1].map((axis) => clamped(Math.tanh(mean[axis] + weights["locator.bias"].values[2 * time + axis])));
}

// Return whether the agent stops with its present answer.
function wantsToStop(weights, hidden) {
  if (!weights["stop_policy.decide.weight"]) return false;
  return linear(weights, "stop_policy.decide", relu(linear(weights, "stop_policy.hidden", hidden)))[0] > 0;
}

// Begin an episode on a picture; the first look will be at `start`.
function beginEpisode(run, weights, picture, start) {
  const width = weights["classifier.weight"].shape[1];
  const memory = { hidden: new Float64Array(width), cell: new Float64Array(width) };
  return { run, weights, picture, memory, location: start.map(clamped), looks: [], ended: false };
}

// Take one look: the glimpse, the memory, the probabilities of all classes, and the next location.
function takeLook(episode) {
  const { run, weights, picture, location } = episode;
  const glimpse = takeGlimpse(run, picture, location);
  const { feature, next } = PARTS[run.agent];
  episode.memory = CORES[run.core](weights, feature(run, weights, glimpse, location), episode.memory);
  const hidden = episode.memory.hidden;
  const probabilities = softmax(linear(weights, "classifier", hidden));
  episode.location = next(run, weights, hidden, [...episode.looks.map((look) => look.location), location]);
  const stops = wantsToStop(weights, hidden);
  episode.looks.push({ location, glimpse, probabilities, stops });
  episode.ended = stops || episode.looks.length === run.glimpses;
  return episode.looks[episode.looks.length - 1];
}

// Play a whole episode, and return its looks.
function playEpisode(run, weights, picture, start) {
  const episode = beginEpisode(run, weights, picture, start);
  while (!episode.ended) takeLook(episode);
  return episode.looks;
}

// Return the number of the largest value.
function likeliest(values) {
  return values.indexOf(Math.max(...values));
}

// Draw where the first look is, as the task does: anywhere, or near a given location.
function drawStart(run) {
  if (!run.start) return [0, 1].map(() => clamped(Math.random() * 2 - 1));
  return run.start.map((value) => clamped(value + run.startNoise * standardNormal()));
}

function standardNormal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

// The self-test: with #selftest in its address the page draws, plays, clicks and answers by itself, as a hand would, and
// writes what happened as JSON into an element. Tests compare it with the same agent in Python.

const SEVEN = [[-0.5, -0.6], [0.5, -0.6], [0, 0.1], [-0.2, 0.7]];

// Return what a mouse event at a location of a board is given.
function eventAt(board, [x, y]) {
  const box = board.getBoundingClientRect();
  const at = { clientX: box.left + ((x + 1) / 2) * box.width, clientY: box.top + ((y + 1) / 2) * box.height };
  return { ...at, bubbles: true, pointerId: 1, pointerType: "mouse" };
}

// Draw a seven on the pad.
function drawSeven(pad) {
  SEVEN.forEach((place, number) => {
    pad.dispatchEvent(new PointerEvent(number ? "pointermove" : "pointerdown", eventAt(pad, place)));
  });
  pad.dispatchEvent(new PointerEvent("pointerup", eventAt(pad, SEVEN[3])));
}

const press = (id) => document.getElementById(id).click();
const pressKey = (board, key, shiftKey = false) => board.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true }));

// Return what the watched agent saw, and what the page says of it.
function watched(watch) {
  return {
    picture: Array.from(watch.picture),
    label: watch.label,
    looks: watch.episode.looks,
    status: document.getElementById("watch-status").textContent,
    bars: document.querySelectorAll("#watch-belief li").length,
    strip: document.querySelectorAll("#watch-strip canvas").length,
  };
}

// Play a round: one look by a click and one by keys, and an answer after each; then stop.
function playRound(run, game) {
  game.board.dispatchEvent(new MouseEvent("click", eventAt(game.board, [-0.3, 0.2])));
  game.board.dispatchEvent(new MouseEvent("click", eventAt(game.board, [0.9, 0.9]))); // Not heard: an answer is due.
  document.querySelectorAll("#game-answers button")[1].click();
  if (run.glimpses > 1) {
    pressKey(game.board, "ArrowRight");
    pressKey(game.board, "ArrowDown", true);
    pressKey(game.board, "Enter");
    const right = run.classes[game.round.label];
    if (/^[0-9]$/.test(right)) pressKey(game.board, right);
    else game.answer(game.round.label);
    press("game-stop");
  }
  const { picture, label, looks, answers, agent } = game.round;
  return { picture: Array.from(picture), label, looks, answers, agent, status: document.getElementById("game-status").textContent };
}

// Return by how many pixels something sticks out of a page of some width.
function overflowAt(width) {
  const whole = document.documentElement;
  whole.style.width = `${width}px`;
  const overflow = document.body.scrollWidth - document.body.clientWidth;
  whole.style.width = "";
  return overflow;
}

function selfTest(run, watch, game) {
  watch.pause = 0;
  drawSeven(watch.pad);
  press("pad-look");
  const drawn = watched(watch);
  press("pad-another");
  const taken = watched(watch);
  const rounds = [playRound(run, game)];
  press("game-next");
  rounds.push(playRound(run, game));
  const table = Array.from(document.querySelectorAll("#curve tr"), (row) => Array.from(row.cells, (cell) => cell.textContent.trim()));
  const place = element("pre", "", JSON.stringify({ drawn, taken, rounds, table, overflow: overflowAt(390) }));
  [place.id, place.hidden] = ["self-test", true];
  document.body.append(place);
}

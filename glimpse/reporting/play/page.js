// The page: its words, and its two halves.

// Return the run's pictures, height * width bytes each.
function readPictures(run) {
  const [bytes, size] = [decodeBytes(run.pictures), run.width * run.height];
  return run.labels.map((_, number) => bytes.slice(number * size, (number + 1) * size));
}

function describeRun(run) {
  const widest = run.patch * run.zoom ** (run.scales - 1);
  const windows = run.scales === 1 ? `one window of ${run.patch} x ${run.patch} pixels at a time` : `${run.scales} windows around one place at a time, the widest of ${widest} x ${widest} pixels, each reduced to ${run.patch} x ${run.patch}`;
  const looks = `${run.stops ? "at most " : ""}${run.glimpses} looks at a picture of ${run.width} x ${run.height}`;
  return `${run.title}: an agent that sees ${windows}, and decides where to look next. It has ${looks}${run.stops ? ", and decides when to stop" : ""}. Here it runs in your browser; nothing is sent anywhere.`;
}

function startPage() {
  const run = JSON.parse(document.getElementById("run").textContent);
  const [weights, pictures] = [readWeights(run), readPictures(run)];
  document.getElementById("lead").textContent = describeRun(run);
  const early = run.answersEarly ? "" : ` It was trained to answer after look ${run.glimpses} only: what it believes before is not trained.`;
  document.getElementById("watch-help").append(early);
  document.getElementById("about").textContent = `Written by glimpse ${run.glimpse}: glimpse report ${run.name} --play FILE.html. The pictures are ${run.source}.`;
  const [watch, game] = [new Watch(run, weights, pictures), new Game(run, weights, pictures)];
  if (location.hash === "#selftest") selfTest(run, watch, game);
}

startPage();

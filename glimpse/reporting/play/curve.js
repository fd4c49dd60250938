// The curve: right answers by number of looks, of the reader and of the agent on the same pictures, and its table.

const CHART = { width: 360, height: 190, left: 32, right: 12, top: 12, bottom: 34 };

function newTally(run) {
  return { rounds: 0, you: new Array(run.glimpses).fill(0), agent: new Array(run.glimpses).fill(0) };
}

// Count a round: answers after each look; after the end of an episode its last answer stands.
function countRound(tally, run, label, yours, agents) {
  tally.rounds++;
  for (let look = 0; look < run.glimpses; look++) {
    tally.you[look] += yours[Math.min(look, yours.length - 1)] === label ? 1 : 0;
    tally.agent[look] += agents[Math.min(look, agents.length - 1)] === label ? 1 : 0;
  }
}

// Return the looks, from 0 on, after which the answers of a player count: of the agent those that it was trained for.
function countedLooks(run, player) {
  const looks = Array.from({ length: run.glimpses }, (_, look) => look);
  return player === "you" || run.answersEarly ? looks : looks.slice(-1);
}

function svgElement(tag, attributes, text = "") {
  const made = document.createElementNS("http" + "://www.w3.org/2000/svg", tag);
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
  made.textContent = text;
  return made;
}

// Return where a look and a share of right answers are in the chart.
function chartPoint(run, look, share) {
  const across = run.glimpses > 1 ? look / (run.glimpses - 1) : 0.5;
  return [
    CHART.left + 8 + across * (CHART.width - CHART.left - CHART.right - 16),
    CHART.top + (1 - share) * (CHART.height - CHART.top - CHART.bottom),
  ];
}

// Return the axes: right answers in percent upwards, looks to the right.
function chartAxes(run) {
  const axes = svgElement("g", { class: "axes" });
  for (const share of [0, 0.5, 1]) {
    const y = chartPoint(run, 0, share)[1];
    axes.append(svgElement("line", { x1: CHART.left, x2: CHART.width - CHART.right, y1: y, y2: y }));
    axes.append(svgElement("text", { x: CHART.left - 6, y: y + 4, "text-anchor": "end" }, 100 * share));
  }
  const every = Math.ceil(run.glimpses / 10);
  for (let look = run.glimpses - 1; look >= 0; look -= every) {
    axes.append(svgElement("text", { x: chartPoint(run, look, 0)[0], y: CHART.height - 14, "text-anchor": "middle" }, look + 1));
  }
  axes.append(svgElement("text", { x: CHART.width / 2 + 16, y: CHART.height - 1, "text-anchor": "middle" }, "looks"));
  return axes;
}

// Return a player's line with its points: discs are yours, squares the agent's.
function chartLine(run, tally, player) {
  const line = svgElement("g", { class: player });
  const points = countedLooks(run, player).map((look) => chartPoint(run, look, tally[player][look] / tally.rounds));
  line.append(svgElement("polyline", { points: points.map((point) => point.join(",")).join(" ") }));
  for (const [x, y] of points) {
    const size = player === "you" ? 4 : 5;
    line.append(
      player === "you"
        ? svgElement("circle", { cx: x, cy: y, r: size })
        : svgElement("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size }),
    );
  }
  return line;
}

// Return the line of people, dashed: shares that others had, one for each look.
function peopleLine(run) {
  const line = svgElement("g", { class: "people" });
  const points = run.people.slice(0, run.glimpses).map((share, look) => chartPoint(run, look, share / 100));
  line.append(svgElement("polyline", { points: points.map((point) => point.join(",")).join(" ") }));
  return line;
}

// Return the table's row of people.
function peopleRow(run) {
  const row = document.createElement("tr");
  const title = element("th", "");
  title.append(element("span", "key people"), " people");
  row.append(title);
  for (let look = 0; look < run.glimpses; look++) row.insertCell().textContent = look < run.people.length ? Math.round(run.people[look]) : "–";
  return row;
}

// Return the table: a row for each player, a column for each look.
function chartTable(run, tally) {
  const table = element("table", "");
  const head = table.insertRow();
  head.append(element("th", "", "looks"));
  for (let look = 1; look <= run.glimpses; look++) head.append(element("th", "", look));
  for (const [player, name] of [["you", "you"], ["agent", "agent"]]) {
    const row = table.insertRow();
    const title = element("th", "");
    title.append(element("span", `key ${player}`), ` ${name}`);
    row.append(title);
    const counted = countedLooks(run, player);
    for (let look = 0; look < run.glimpses; look++) {
      row.insertCell().textContent = counted.includes(look) && tally.rounds ? Math.round((100 * tally[player][look]) / tally.rounds) : "–";
    }
  }
  if (run.people) table.append(peopleRow(run));
  return table;
}

function showCurve(place, run, tally) {
  const chart = svgElement("svg", {
    viewBox: `0 0 ${CHART.width} ${CHART.height}`, role: "img", "aria-label": "Right answers by number of looks; the table below has the numbers",
  });
  chart.append(chartAxes(run));
  if (run.people) chart.append(peopleLine(run));
  if (tally.rounds) chart.append(chartLine(run, tally, "agent"), chartLine(run, tally, "you"));
  const scroller = element("div", "scroller");
  scroller.tabIndex = 0;
  scroller.setAttribute("role", "region");
  scroller.setAttribute("aria-labelledby", "curve-heading");
  scroller.append(chartTable(run, tally));
  place.replaceChildren(chart, scroller);
}

// Return what should be known about the curve.
function curveNote(run, tally) {
  const counted = tally.rounds ? `You and the agent on ${countOf(tally.rounds, "picture")}, the same for both.` : "Your curve begins with your first picture.";
  const early = run.answersEarly ? "" : ` The agent was trained to answer after look ${run.glimpses} only, so that earlier answers do not count.`;
  return `${counted}${early} You choose where to look first; the agent's first window is set by its task.${peopleNote(run)}`;
}

// Return where people's shares are from, and what to know before one compares with them.
function peopleNote(run) {
  if (!run.people) return "";
  return " The dashed line is of people in AttentionMNIST (Baruah et al., 2023), on 150 other digits, through windows of this size, the first one in the middle. Sequences that ended wrong seem to have been left out, so that it ends near 100 %.";
}

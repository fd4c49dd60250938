// Beliefs: the probability of each class as a bar, with its name and its number.

const MOST_BARS = 12;

function percent(share) {
  return `${Math.round(100 * share)} %`;
}

// Return a number with what it counts.
function countOf(number, thing) {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

// Return an element with a class and a text.
function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

// Return the numbers of the classes that are shown: all, or the likeliest of many.
function shownClasses(probabilities) {
  const numbers = probabilities.map((_, number) => number);
  if (numbers.length <= MOST_BARS) return numbers;
  return numbers.sort((first, second) => probabilities[second] - probabilities[first]).slice(0, MOST_BARS);
}

// Show probabilities; before the first look there are none, and all bars are empty.
function showBelief(place, run, probabilities) {
  const shares = probabilities || run.classes.map(() => 0);
  const bars = element("ul", "bars");
  for (const number of shownClasses(shares)) {
    const row = element("li", probabilities && number === likeliest(shares) ? "first" : "");
    const bar = element("span", "bar");
    const part = element("span", "part");
    part.style.width = `${100 * shares[number]}%`;
    bar.append(part);
    row.append(element("span", "name", run.classes[number]), bar, element("span", "share", probabilities ? percent(shares[number]) : ""));
    bars.append(row);
  }
  place.replaceChildren(bars);
}

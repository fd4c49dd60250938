// The upper half of the page: a board to draw on, and the agent that looks at it.

const PEN = 0.095;
const PAUSE = 650;

// Return numbers from 0 to count - 1 without end: shuffled, and shuffled again when all have come.
function* shuffledNumbers(count) {
  for (;;) {
    const numbers = Array.from({ length: count }, (_, number) => number);
    for (let last = count - 1; last > 0; last--) {
      const other = Math.floor(Math.random() * (last + 1));
      [numbers[last], numbers[other]] = [numbers[other], numbers[last]];
    }
    yield* numbers;
  }
}

class Watch {
  constructor(run, weights, pictures) {
    Object.assign(this, { run, weights, pictures, order: shuffledNumbers(pictures.length) });
    this.pad = document.getElementById("pad");
    this.pause = PAUSE;
    prepareBoard(this.pad, run);
    this.ink = document.createElement("canvas");
    [this.ink.width, this.ink.height] = [this.pad.width, this.pad.height];
    this.listen();
    this.take(this.order.next().value);
  }

  listen() {
    const press = (id, action) => document.getElementById(id).addEventListener("click", action);
    press("pad-look", () => this.play());
    press("pad-step", () => this.step());
    press("pad-clear", () => this.clear());
    press("pad-another", () => {
      this.take(this.order.next().value);
      this.play();
    });
    this.pad.addEventListener("pointerdown", (event) => this.beginStroke(event));
    this.pad.addEventListener("pointermove", (event) => this.continueStroke(event));
    for (const end of ["pointerup", "pointercancel"]) this.pad.addEventListener(end, () => (this.last = null));
  }

  // Show picture number `number` of the set.
  take(number) {
    this.label = this.run.labels[number];
    this.inked = false;
    this.setPicture(this.pictures[number]);
    this.say("A picture of the set: let the agent look at it, or draw your own.");
  }

  setPicture(picture) {
    clearTimeout(this.timer);
    this.picture = picture;
    this.episode = null;
    this.show();
  }

  // Empty the board, to draw on it.
  clear() {
    this.ink.getContext("2d").clearRect(0, 0, this.ink.width, this.ink.height);
    this.label = null;
    this.inked = true;
    this.setPicture(null);
    this.say("Draw on the board, as large as you like, and then let the agent look.");
  }

  beginStroke(event) {
    if (event.button) return;
    if (!this.inked || this.picture) this.clear();
    if (event.isTrusted) this.pad.setPointerCapture(event.pointerId);
    this.last = placeOf(this.pad, event);
    this.continueStroke(event);
  }

  continueStroke(event) {
    if (!this.last) return;
    const context = this.ink.getContext("2d");
    const place = placeOf(this.pad, event);
    [context.strokeStyle, context.lineCap] = ["#fff", "round"];
    context.lineWidth = PEN * Math.max(this.ink.width, this.ink.height);
    context.beginPath();
    for (const [x, y] of [this.last, place]) context.lineTo(((x + 1) / 2) * this.ink.width, ((y + 1) / 2) * this.ink.height);
    context.stroke();
    this.last = place;
    this.show();
  }

  // Turn what was drawn into a picture as the agent knows them. Returns whether there is a picture.
  takeInk() {
    if (this.picture) return true;
    const { width, height } = this.ink;
    const dots = this.ink.getContext("2d").getImageData(0, 0, width, height).data;
    const picture = pictureOfInk(this.run, dots.filter((_, at) => at % 4 === 3), width, height);
    if (!picture.some((value) => value)) {
      this.say("Nothing is drawn yet.");
      return false;
    }
    this.picture = picture;
    return true;
  }

  // Let the agent look until it answers, from the beginning.
  play() {
    clearTimeout(this.timer);
    this.episode = null;
    this.goOn();
  }

  goOn() {
    if (!this.step() || this.episode.ended) return;
    if (this.pause) this.timer = setTimeout(() => this.goOn(), this.pause);
    else this.goOn();
  }

  // Take one look; after the end a new episode begins. Returns whether there was something to look at.
  step() {
    clearTimeout(this.timer);
    if (!this.takeInk()) return false;
    if (!this.episode || this.episode.ended) {
      this.episode = beginEpisode(this.run, this.weights, this.picture, drawStart(this.run));
    }
    takeLook(this.episode);
    this.show();
    this.say(this.account());
    return true;
  }

  // Return in words what the agent believes now, or what it has answered.
  account() {
    const { looks, ended } = this.episode;
    const { probabilities, stops } = looks[looks.length - 1];
    const answer = likeliest(probabilities);
    const belief = `${this.run.classes[answer]} (${percent(probabilities[answer])})`;
    if (!ended) return `Look ${looks.length} of ${this.run.glimpses}: it believes ${belief}.`;
    const begun = `${stops ? "It stops" : "It answers"} after ${countOf(looks.length, "look")}: ${belief}`;
    if (this.label === null) return `${begun}.`;
    return answer === this.label ? `${begun}, which is right.` : `${begun}, but it is ${this.run.classes[this.label]}.`;
  }

  show() {
    const looks = this.episode ? this.episode.looks : [];
    const context = this.pad.getContext("2d");
    if (this.picture) paintPicture(this.pad, this.run, this.picture);
    else {
      context.fillStyle = "#000";
      context.fillRect(0, 0, this.pad.width, this.pad.height);
      context.drawImage(this.ink, 0, 0);
    }
    paintPath(this.pad, this.run, looks.map((look) => look.location), COLOURS.agent);
    const shown = this.label === null ? "your drawing" : `a picture of ${this.run.classes[this.label]}`;
    this.pad.setAttribute("aria-label", `Board with ${shown}, and the agent's windows on it: ${looks.length}`);
    showBelief(document.getElementById("watch-belief"), this.run, looks.length ? looks[looks.length - 1].probabilities : null);
    document.getElementById("watch-strip").replaceChildren(...looks.map((look, number) => this.seen(look, number)));
  }

  // Return an entry of the strip: what was seen in a look, and what was believed then.
  seen(look, number) {
    const entry = element("li", "");
    const answer = likeliest(look.probabilities);
    const picture = glimpsePicture(this.run, look.glimpse);
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", `what look ${number + 1} saw`);
    entry.append(picture, element("span", "", `${number + 1}: ${this.run.classes[answer]}, ${percent(look.probabilities[answer])}`));
    return entry;
  }

  say(words) {
    document.getElementById("watch-status").textContent = words;
  }
}

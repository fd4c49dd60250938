// The lower half of the page: the reader looks through windows of the agent's size, and answers after each look.

class Game {
  constructor(run, weights, pictures) {
    Object.assign(this, { run, weights, pictures, order: shuffledNumbers(pictures.length), tally: newTally(run) });
    this.board = document.getElementById("game");
    this.place = [0, 0];
    prepareBoard(this.board, run);
    this.listen();
    this.begin();
    this.showCurve();
  }

  listen() {
    this.board.addEventListener("click", (event) => this.lookAt(placeOf(this.board, event)));
    this.board.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") this.moveTo(placeOf(this.board, event));
    });
    this.board.addEventListener("keydown", (event) => this.onKey(event));
    document.getElementById("game-answers").addEventListener("keydown", (event) => this.onDigit(event));
    document.getElementById("game-stop").addEventListener("click", () => this.stop());
    document.getElementById("game-next").addEventListener("click", () => {
      this.begin();
      this.board.focus({ preventScroll: true });
    });
    const buttons = this.run.classes.map((name, number) => {
      const button = element("button", "", name);
      button.type = "button";
      button.addEventListener("click", () => this.answer(number));
      return button;
    });
    document.getElementById("game-answers").replaceChildren(...buttons);
  }

  // Begin a round with the next picture of the set.
  begin() {
    const number = this.order.next().value;
    this.round = { number, picture: this.pictures[number], label: this.run.labels[number], looks: [], answers: [], agent: null };
    this.show();
    this.say(`Choose your first look of ${this.run.glimpses}.`);
  }

  get answerIsDue() {
    return this.round.looks.length > this.round.answers.length;
  }

  moveTo(location) {
    if (this.round.agent) return;
    this.place = location;
    this.show();
  }

  lookAt(location) {
    const { looks, agent, picture } = this.round;
    if (agent) return this.say("This round is over: take the next picture.");
    if (this.answerIsDue) return this.say(`Answer first: what do you believe after look ${looks.length}?`);
    this.place = location;
    looks.push({ location, glimpse: takeGlimpse(this.run, picture, location) });
    this.show();
    this.say(`Look ${looks.length} of ${this.run.glimpses}: what do you believe?`);
  }

  answer(number) {
    if (!this.answerIsDue) return this.say(this.round.agent ? "This round is over: take the next picture." : "Look first.");
    this.round.answers.push(number);
    if (this.round.answers.length === this.run.glimpses) return this.end();
    this.show();
    this.say(`You believe ${this.run.classes[number]}. Look again, or stop here.`);
  }

  stop() {
    if (!this.round.agent && this.round.answers.length && !this.answerIsDue) this.end();
  }

  // End the round: let the agent look at the same picture, count both, and show where both looked.
  end() {
    const { answers, label, picture } = this.round;
    this.round.agent = playEpisode(this.run, this.weights, picture, drawStart(this.run));
    const agents = this.round.agent.map((look) => likeliest(look.probabilities));
    countRound(this.tally, this.run, label, answers, agents);
    this.show();
    this.showCurve();
    const [yours, its] = [answers[answers.length - 1], agents[agents.length - 1]];
    const judged = (answer) => (answer === label ? "right" : `wrong (${this.run.classes[answer]})`);
    this.say(`It is ${this.run.classes[label]}: you are ${judged(yours)} after ${countOf(answers.length, "look")}, the agent is ${judged(its)} after ${countOf(agents.length, "look")}.`);
  }

  // Move the window by keys, look by Enter, and answer by digits.
  onKey(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = event.shiftKey ? 1 : Math.max(1, Math.round(this.run.patch / 4));
    if (moves[event.key]) {
      const sides = [this.run.width, this.run.height];
      this.moveTo(this.place.map((part, axis) => clamped(part + (2 * step * moves[event.key][axis]) / sides[axis])));
      this.tellPlace();
    } else if (event.key === "Enter" || event.key === " ") {
      if (this.round.agent) this.begin();
      else this.lookAt(this.place);
    } else return this.onDigit(event);
    event.preventDefault();
  }

  // Answer with the class that a key names; where no class is a digit, with the class of that number.
  onDigit(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !/^[0-9]$/.test(event.key)) return;
    const named = this.run.classes.indexOf(event.key);
    const number = this.run.classes.some((name) => /^[0-9]$/.test(name)) ? named : Number(event.key) - 1;
    if (number < 0 || number >= this.run.classes.length) return;
    event.preventDefault();
    this.answer(number);
  }

  tellPlace() {
    const [column, row] = [0, 1].map((axis) => Math.round(((this.place[axis] + 1) / 2) * [this.run.width, this.run.height][axis]));
    document.getElementById("game-place").textContent = `Window at column ${column} of ${this.run.width}, row ${row} of ${this.run.height}`;
  }

  show() {
    const { picture, looks, agent, answers } = this.round;
    if (agent) {
      paintPicture(this.board, this.run, picture);
      paintPath(this.board, this.run, agent.map((look) => look.location), COLOURS.agent);
      paintPath(this.board, this.run, looks.map((look) => look.location), COLOURS.you);
    } else {
      paintUnseen(this.board);
      looks.forEach(({ location, glimpse }) => paintGlimpse(this.board, this.run, location, glimpse));
      if (!this.answerIsDue) paintWindow(this.board, this.run, this.place, COLOURS.you, true);
    }
    document.getElementById("game-legend").hidden = !agent;
    document.getElementById("game-stop").disabled = Boolean(agent) || !answers.length || this.answerIsDue;
    document.getElementById("game-next").disabled = !agent && looks.length > 0;
    document.querySelectorAll("#game-answers button").forEach((button, number) => {
      button.setAttribute("aria-disabled", !this.answerIsDue);
      button.classList.toggle("given", number === answers[answers.length - 1]);
    });
  }

  showCurve() {
    showCurve(document.getElementById("curve"), this.run, this.tally);
    document.getElementById("curve-note").textContent = curveNote(this.run, this.tally);
  }

  say(words) {
    document.getElementById("game-status").textContent = words;
  }
}

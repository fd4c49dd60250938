// Plays episodes of a page's agent: reads {scripts, run, pictures, starts} from standard input, and writes their looks.
const { readFileSync } = require("fs");
const { runInThisContext } = require("vm");
const given = JSON.parse(readFileSync(0, "utf-8"));
given.scripts.forEach((script) => runInThisContext(script));
const weights = runInThisContext("readWeights")(given.run);
const play = runInThisContext("playEpisode");
process.stdout.write(JSON.stringify(given.pictures.map((picture, n) => play(given.run, weights, picture, given.starts[n]))));

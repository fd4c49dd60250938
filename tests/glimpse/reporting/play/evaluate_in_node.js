// Evaluates an expression on the page's scripts: reads {scripts, expression, given} from standard input, and writes the
// value of the expression, in which `given` is what was given.
const { readFileSync } = require("fs");
const { runInThisContext } = require("vm");
const { scripts, expression, given } = JSON.parse(readFileSync(0, "utf-8"));
scripts.forEach((script) => runInThisContext(script));
process.stdout.write(JSON.stringify(runInThisContext(`(given) => ${expression}`)(given)));

// Lints state machine definitions: node asl.mjs FILE…
// Substitutions of the SAM template (`${BackupFunction}`) are put in first; the definitions are no ASL without them.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const validate = require("asl-validator");
const jsonata = require("jsonata");

const ARNS = [
  [/StateMachine$/, "arn:aws:states:us-east-1:123456789012:stateMachine:"],
  [/Function$/, "arn:aws:lambda:us-east-1:123456789012:function:"],
];

/** The definition with every substitution replaced by an ARN of its kind. */
function substitute(text) {
  return text.replace(/\$\{(\w+)\}/g, (whole, name) => {
    const found = ARNS.find(([pattern]) => pattern.test(name));
    if (!found) throw new Error(`the substitution ${whole} is of no known kind`);
    return found[1] + name;
  });
}

// What the roles of the state machines are made for.
const INTEGRATIONS = /^arn:aws:states:::(lambda:invoke(\.waitForTaskToken)?|states:startExecution)$/;

/** Every task with its place. */
function* tasks(value, place = "") {
  if (!value || typeof value !== "object") return;
  if (value.Type === "Task") yield [place, value];
  for (const [key, inner] of Object.entries(value)) yield* tasks(inner, `${place}/${key}`);
}

/** Every JSONata expression with its place. The validator looks at the outermost string of an argument only. */
function* expressions(value, place = "") {
  if (typeof value === "string") {
    const found = /^\{%([\s\S]*)%\}$/.exec(value);
    if (found) yield [place, found[1]];
    else if (value.includes("{%") || value.includes("%}")) yield [place, null];
  } else if (value && typeof value === "object") {
    for (const [key, inner] of Object.entries(value)) yield* expressions(inner, `${place}/${key}`);
  }
}

function findings(file) {
  const definition = JSON.parse(substitute(readFileSync(file, "utf8")));
  const result = validate(definition, { checkArn: true, checkPaths: true });
  const found = result.isValid ? [] : [result.errorsText("\n")];
  for (const [place, task] of tasks(definition)) {
    if (!INTEGRATIONS.test(task.Resource)) found.push(`${place}: ${task.Resource} is no integration that is used here`);
  }
  for (const [place, expression] of expressions(definition)) {
    try {
      if (expression === null) throw new Error("an expression must be the whole string, from {% to %}");
      jsonata(expression);
    } catch (error) {
      found.push(`${place}: ${error.message}`);
    }
  }
  return found;
}

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: node asl.mjs FILE…");
  process.exit(2);
}
for (const file of files) {
  let found;
  try {
    found = findings(file);
  } catch (error) {
    found = [error.message];
  }
  for (const text of found) console.error(`${file}: ${text}`);
  if (found.length > 0) process.exitCode = 1;
}

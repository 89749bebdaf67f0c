/**
 * Lints the scripts as the browser gets them: `node lint.js`, 1 where something is wrong.
 *
 * The files of a component are one module, the shared ones in front (memviz/ui/components/assets.py). So they are
 * linted as one: a name is undefined, or never used, only where it is so in the whole. What is said of a line of the
 * whole is said of the line of its file. A name of the shared files is unused only where no component uses it.
 */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ESLint } from "eslint";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "..", "..");
const COMPONENTS = join(ROOT, "memviz", "ui", "components");
const ALONE = [
  join(ROOT, "memviz", "figures", "page.js"),
  join(ROOT, "memviz", "notebook", "adapter.js"),
  join(HERE, "lint.js"),
  join(HERE, "eslint.config.js"),
];

const scripts = (folder) => readdirSync(folder).filter((name) => name.endsWith(".js")).sort().map((name) => join(folder, name));

/** Every module that is sent: the files it is made of, in their order. */
function modules() {
  const shared = scripts(COMPONENTS);
  const folders = readdirSync(COMPONENTS, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const components = folders.map((folder) => scripts(join(COMPONENTS, folder.name))).filter((files) => files.length);
  return { shared, wholes: components.map((files) => [...shared, ...files]) };
}

/** The files as one text, and the place of each of its lines. */
function joinFiles(files) {
  const lines = files.flatMap((file) =>
    readFileSync(file, "utf8").replace(/\n$/, "").split("\n").map((text, i) => ({ text, file, line: i + 1 })),
  );
  return { text: `${lines.map(({ text }) => text).join("\n")}\n`, places: lines };
}

/** What is wrong with these files, each at its place: "file:line:column  message  rule". */
async function problems(eslint, files) {
  const { text, places } = joinFiles(files);
  const [result] = await eslint.lintText(text, { filePath: files.at(-1) });
  return result.messages.map(({ line, column, message, ruleId }) => {
    const place = places[(line ?? 1) - 1];
    const where = `${relative(ROOT, place.file)}:${place.line}:${column}`;
    return { file: place.file, ruleId, text: `${where}  ${message}  ${ruleId ?? "syntax"}` };
  });
}

const eslint = new ESLint({ cwd: ROOT, overrideConfigFile: join(HERE, "eslint.config.js") });
const { shared, wholes } = modules();
const perWhole = await Promise.all(wholes.map((files) => problems(eslint, files)));
const alone = await Promise.all(ALONE.map((file) => problems(eslint, [file])));
const everywhere = ({ text }) => perWhole.every((list) => list.some((problem) => problem.text === text));
const real = (problem) => problem.ruleId !== "no-unused-vars" || !shared.includes(problem.file) || everywhere(problem);
const lines = [...new Set([...perWhole.flat().filter(real), ...alone.flat()].map(({ text }) => text))].sort();
console.log(lines.length ? lines.join("\n") : `${wholes.length} components and ${ALONE.length} scripts: nothing to mend.`);
process.exitCode = lines.length ? 1 : 0;

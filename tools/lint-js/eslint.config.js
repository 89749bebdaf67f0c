/* What a script of MemViz must be. The names that are forbidden are those that docs/vocabulary.md does not know. */
import js from "@eslint/js";
import globals from "globals";

const TEXT_ONLY = "Texts come from strangers: build elements, and set textContent.";
const NO_REQUESTS = "A picture asks nobody: what it draws is handed to it.";
const MARKUP = ["innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe", "srcdoc", "createContextualFragment"];
const REQUESTS = ["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "RTCPeerConnection", "importScripts", "Worker"];
const STORES = ["localStorage", "sessionStorage", "indexedDB", "caches"];
const HIDDEN = [...REQUESTS, ...STORES];
const CONFUSING = ["event", "name", "status", "open", "close", "top", "parent", "self", "length", "find", "stop"];

const restrictedGlobals = (stores) => [
  "error",
  ...REQUESTS.map((name) => ({ name, message: NO_REQUESTS })),
  ...stores.map((name) => ({ name, message: "What is remembered is remembered by the page." })),
  ...CONFUSING.map((name) => ({ name, message: "This is the window's; name what is meant." })),
  { name: "isNaN", message: "Number.isNaN does not guess." },
  { name: "parseInt", message: "Number does not guess." },
  { name: "alert", message: "The page says what there is to say." },
];

const rules = {
  ...js.configs.recommended.rules,
  // what is there
  "no-undef": "error",
  "no-unused-vars": ["error", { args: "all", argsIgnorePattern: "^_", caughtErrors: "all" }],
  "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
  "no-shadow": ["error", { builtinGlobals: false }],
  "no-redeclare": "error",
  // what is dangerous
  "no-eval": "error",
  "no-implied-eval": "error",
  "no-new-func": "error",
  "no-script-url": "error",
  "no-restricted-syntax": [
    "error",
    { selector: `MemberExpression[property.name=/^(${MARKUP.join("|")})$/]`, message: TEXT_ONLY },
    { selector: `MemberExpression[property.value=/^(${MARKUP.join("|")})$/]`, message: TEXT_ONLY },
    { selector: "MemberExpression[object.name='document'][property.name=/^(write|writeln|cookie)$/]", message: TEXT_ONLY },
    { selector: "MemberExpression[property.name='sendBeacon']", message: NO_REQUESTS },
    {
      selector: `MemberExpression[object.name=/^(window|globalThis|self)$/][property.name=/^(${HIDDEN.join("|")})$/]`,
      message: "Call it by its own name, so that it is seen here.",
    },
    { selector: "ImportExpression", message: NO_REQUESTS },
    { selector: "ImportDeclaration", message: NO_REQUESTS },
    { selector: "ForInStatement", message: "Go through Object.entries instead." },
    { selector: "LabeledStatement", message: "Leave a loop by a function." },
  ],
  "no-restricted-globals": restrictedGlobals(STORES),
  "no-console": "error",
  "no-control-regex": "off", // words are drawn with control pictures in place of control characters
  "no-extend-native": "error",
  "no-param-reassign": "error",
  // what is plain
  eqeqeq: ["error", "always"],
  "no-var": "error",
  "prefer-const": "error",
  "prefer-template": "error",
  "prefer-arrow-callback": "error",
  "object-shorthand": "error",
  "no-else-return": "error",
  "no-lonely-if": "error",
  "no-unneeded-ternary": "error",
  "no-useless-return": "error",
  "no-useless-concat": "error",
  "no-useless-rename": "error",
  "no-return-assign": ["error", "except-parens"],
  "no-multi-assign": "error",
  "no-sequences": "error",
  "no-unused-expressions": "error",
  "no-implicit-coercion": "error",
  "no-throw-literal": "error",
  "no-loop-func": "error",
  "array-callback-return": ["error", { checkForEach: false }],
  "consistent-return": "error",
  "default-case-last": "error",
  "grouped-accessor-pairs": "error",
  curly: ["error", "multi-line"],
  // what is short
  complexity: ["error", 12],
  "max-depth": ["error", 3],
  "max-params": ["error", 4],
  "max-lines-per-function": ["error", 40],
  // what is named
  camelcase: ["error", { properties: "never", allow: ["^(remembered_by|announce_none|lift_help)$"] }],
  "id-denylist": [
    "error",
    ..."one own found said told given chosen asked kept made taken filled mixed arranged joined touched shown".split(" "),
    ..."data1 data2 tmp temp foo bar2 util utils helper helpers misc".split(" "),
  ],
};

export default [
  {
    linterOptions: { reportUnusedDisableDirectives: "error", noInlineConfig: true },
    languageOptions: { ecmaVersion: 2023, sourceType: "module", globals: globals.browser },
    rules,
  },
  {
    files: ["**/components/address/address.js"], // texts stay in the tab: docs/decisions/019
    rules: { "no-restricted-globals": restrictedGlobals(STORES.filter((name) => name !== "sessionStorage")) },
  },
  {
    files: ["**/notebook/adapter.js"], // what memviz/notebook/widgets.py puts in front
    languageOptions: { globals: { mount: "readonly", MARKUP: "readonly", STYLE: "readonly" } },
  },
  { files: ["**/figures/page.js"], languageOptions: { globals: { Plotly: "readonly" } } },
  {
    files: ["**/tools/**/*.js"],
    languageOptions: { globals: globals.node },
    rules: { "no-console": "off", "no-restricted-syntax": "off" },
  },
];

// ESLint's recommended rules: they find faults, and do not judge style.
import js from "@eslint/js";
import globals from "globals";

// The server replaces an action in worker.js with an array. ESLint gets an empty one of the
// same width, so that it reports the columns of the file.
const action = "{{.ResourcesToCache}}";
const template = {
  meta: { name: "template", version: "1" },
  preprocess: (text) => [text.replace(action, "[]".padEnd(action.length))],
  postprocess: ([messages]) => messages,
};

export default [
  js.configs.recommended,
  {
    files: ["web/first.js", "web/loader.js"],
    languageOptions: { sourceType: "script", globals: { ...globals.browser, Go: "readonly" } },
  },
  {
    files: ["web/worker.js"],
    processor: template,
    languageOptions: { sourceType: "script", globals: globals.serviceworker },
  },
  { files: ["**/*.mjs"], languageOptions: { globals: globals.node } },
  // An application with Next.js, in the browser and on Node.
  { files: ["backend/testdata/nextapp/**/*.js"], languageOptions: { globals: { ...globals.browser, ...globals.node } } },
];

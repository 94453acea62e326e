// Formatting is Prettier's, types are the compiler's; these rules find mistakes that neither of them sees.
import js from "@eslint/js";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

/** Modules of these folders do not import those of the forbidden ones. */
function forbidImports(folders, forbidden, files = []) {
  return {
    files: folders.map((folder) => `${folder}/**`),
    rules: {
      "no-restricted-imports": ["error", { patterns: [...forbidden.map((folder) => `**/${folder}/*`), ...files] }],
    },
  };
}

const LETTERS = "[value=/\\p{L}/u]";
const IN_QUOTES = `:matches(Literal${LETTERS}, TemplateElement[value.raw=/\\p{L}/u])`;
const SPOKEN =
  "/^(aria-label|aria-description|aria-roledescription|aria-valuetext|title|placeholder|alt|label|hint|text)$/";
const CHOSEN = ":matches(ConditionalExpression, LogicalExpression, TemplateLiteral)";

/** Texts that a person can see or hear are in the catalogues of `src/i18n`, in every language. */
const forbidTexts = {
  files: ["src/**/*.tsx"],
  rules: {
    "no-restricted-syntax": [
      "error",
      ...[
        `JSXText${LETTERS}`,
        `JSXAttribute[name.name=${SPOKEN}] > Literal${LETTERS}`,
        `JSXAttribute[name.name=${SPOKEN}] > JSXExpressionContainer ${IN_QUOTES}:not(CallExpression *):not(MemberExpression *)`,
        `:matches(JSXElement, JSXFragment) > JSXExpressionContainer > ${IN_QUOTES}`,
        `:matches(JSXElement, JSXFragment) > JSXExpressionContainer > ${CHOSEN} > ${IN_QUOTES}`,
      ].map((selector) => ({ selector, message: "Put this text into the catalogues of src/i18n." })),
    ],
  },
};

export default tseslint.config(
  { ignores: ["dist", "src/api/schema.d.ts", "eslint.config.js"] },
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    plugins: { "react-hooks": reactHooks },
    rules: {
      "react-hooks/rules-of-hooks": "error",
      "react-hooks/exhaustive-deps": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      // A test is awaited by its runner.
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", package: "node:test", name: ["test"] }] },
      ],
      // An async function without await gives a promise and rejects instead of throwing, which callers rely on.
      "@typescript-eslint/require-await": "off",
      eqeqeq: ["error", "always", { null: "ignore" }],
    },
  },
  forbidTexts,
  // Views connect state to components and charts, which get everything as props; state knows of neither. Texts are made
  // of what `lib` and `api` find out, which know no language.
  forbidImports(["src/api", "src/lib"], ["i18n", "state", "charts", "components", "views"]),
  forbidImports(["src/i18n"], ["state", "charts", "components", "views"]),
  forbidImports(["src/state"], ["charts", "components", "views"]),
  forbidImports(["src/charts", "src/components"], ["state", "views"], ["**/lib/visibility.ts"]),
);

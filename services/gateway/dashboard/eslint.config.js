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
  // Views connect state to components and charts, which get everything as props; state knows of neither.
  forbidImports(["src/api", "src/lib"], ["state", "charts", "components", "views"]),
  forbidImports(["src/state"], ["charts", "components", "views"]),
  forbidImports(["src/charts", "src/components"], ["state", "views"], ["**/lib/visibility.ts"]),
);

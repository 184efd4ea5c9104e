import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: [".cache/", "node_modules/", "test/fixtures/"] },
  ...tseslint.configs.strictTypeChecked.map((config) => ({ files: ["**/*.ts"], ...config })),
  {
    files: ["**/*.ts"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      eqeqeq: "error",
    },
  },
);

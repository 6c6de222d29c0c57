import { readFileSync } from "node:fs";
import { CLOSE_CODES, ERROR_CODES, reconnectRule } from "@carillon/protocol";
import { expect, it } from "vitest";

const text = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
const rows = text
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
const unquoted = (cell: string | undefined) => /^`([a-z0-9_]+)`$/.exec(cell ?? "")?.[1];

it("docs/errors.md › has each error code once, in the registry's order, with its status and whether to retry", () => {
  const documented = rows
    .filter((row) => unquoted(row[0]) !== undefined)
    .map((row) => [unquoted(row[0]), row[1], row[2]]);
  const registered = Object.entries(ERROR_CODES).map(([name, { status, isRetryable }]) => [
    name,
    String(status),
    isRetryable ? "yes" : "no",
  ]);
  expect(documented).toEqual(registered);
});

it("docs/errors.md › has each close code once, in order, with its name and rule", () => {
  const documented = rows
    .filter((row) => /^\d{4}$/.test(row[0] ?? ""))
    .map((row) => [Number(row[0]), unquoted(row[1]), unquoted(row[2])]);
  const registered = Object.entries(CLOSE_CODES).map(([name, { code }]) => [code, name, reconnectRule(code)]);
  expect(documented).toEqual(registered);
});

it("docs/errors.md › says what each code means and what to do about it", () => {
  const described = rows.filter(
    (row) => row.length === 5 && !row[0]?.startsWith("-") && row[0] !== "code" && row[0] !== "number",
  );
  expect(described).toHaveLength(Object.keys(ERROR_CODES).length + Object.keys(CLOSE_CODES).length);
  for (const [name, , , meaning = "", act = ""] of described) {
    expect([name, meaning.length > 15, act.length > 15]).toEqual([name, true, true]);
  }
});

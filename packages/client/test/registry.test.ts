import { ERROR_CODES } from "@carillon/protocol";
import { expect, it } from "vitest";
import { RETRYABLE } from "../src/errors.ts";

it("the codes for which another try may help are those of the registry", () => {
  const retryable = Object.entries(ERROR_CODES).flatMap(([code, { isRetryable }]) => (isRetryable ? [code] : []));
  expect([...RETRYABLE].toSorted()).toEqual(retryable.toSorted());
});

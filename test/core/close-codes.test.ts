/** What a client does about each close code, those of a newer server too. */

import { describe, expect, test } from "vitest";
import { CLOSE_CODES, retryPolicyOf } from "../../src/core/close-codes.ts";

describe("after a close code of ours", () => {
  test.each([
    ["bad_request", "never"],
    ["unauthorized", "never"],
    ["removed", "never"],
    ["bad_room", "never"],
    ["replaced", "never"],
    ["bad_origin", "never"],
    ["room_full", "later"],
    ["expired", "later"],
    ["rate_limited", "later"],
    ["frame_too_large", "soon"],
  ] as const)("%s a client comes back %s", (reason, policy) => {
    expect(retryPolicyOf(CLOSE_CODES[reason])).toBe(policy);
  });
});

describe("after a close code that is not known, the range decides", () => {
  test.each([
    [3999, "soon"],
    [4000, "never"],
    [4099, "never"],
    [4100, "later"],
    [4199, "later"],
    [4200, "now"],
    [4299, "now"],
    [4300, "soon"],
    [1000, "soon"],
    [1006, "soon"],
  ])("%i: %s", (code, policy) => {
    expect(retryPolicyOf(code)).toBe(policy);
  });
});

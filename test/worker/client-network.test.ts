/** Which addresses share one limit of requests. */

import { describe, expect, test } from "vitest";
import { networkOf } from "../../src/http/client-network.ts";

describe("an IPv6 address", () => {
  test.each([
    ["2001:db8:1:2::1", "2001:db8:1:2::/64"],
    ["2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002:0:0:0:1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:0:0:1::", "2001:db8:0:0::/64"],
    ["fe80::1", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
  ])("%s counts with its /64: %s", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  test("of another /64 counts apart", () => {
    expect(networkOf("2001:db8:1:3::1")).not.toBe(networkOf("2001:db8:1:2::1"));
  });
});

describe("an IPv4 address", () => {
  test.each(["192.0.2.1", "255.255.255.255", "0.0.0.0"])("%s counts by itself", (address) => {
    expect(networkOf(address)).toBe(address);
  });

  test.each([
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:201", "192.0.2.1"],
    ["0:0:0:0:0:ffff:ff00:00ff", "255.0.0.255"],
  ])("that is written as %s is %s", (mapped, address) => {
    expect(networkOf(mapped)).toBe(address);
  });
});

test.each(["", "unknown", "fe80::1%eth0", "1:2", "::]/x[", "2001:db8::1::2"])(
  "%j, which is no address, is its own key",
  (text) => {
    expect(networkOf(text)).toBe(text);
  },
);

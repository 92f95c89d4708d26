/** Who shares a limit of requests: one IPv4 address, or one IPv6 network. */

const GROUPS = 8;

/** What may be an IPv6 address: nothing that would end the host of a URL. */
const IPV6 = /^[\da-f:.]+$/i;

/**
 * The key under which requests from `address` are counted. A provider hands each customer a /64 of
 * IPv6 at least, who may send from any of its 2⁶⁴ addresses, so these are counted together. An IPv4
 * address counts by itself, however it is written. What is no address is its own key.
 */
export function networkOf(address: string): string {
  // The platform's parser: it takes each way to write an address, and gives back one.
  const host = IPV6.test(address) ? URL.parse(`http://[${address}]`)?.hostname : undefined;
  if (host === undefined) return address;
  const groups = groupsOf(host.slice(1, -1));
  return mappedIpv4(groups) ?? `${groups.slice(0, 4).join(":")}::/64`;
}

/** All eight groups of an address that may leave out zeros. */
function groupsOf(address: string): string[] {
  const [head = [], tail = []] = address
    .split("::")
    .map((part) => (part === "" ? [] : part.split(":")));
  const zeros = Array.from({ length: GROUPS - head.length - tail.length }, () => "0");
  return [...head, ...zeros, ...tail];
}

/** The address that an IPv4-mapped one, ::ffff:0:0/96, stands for. */
function mappedIpv4(groups: readonly string[]): string | null {
  if (groups.slice(0, 6).join(":") !== "0:0:0:0:0:ffff") return null;
  const bytes = groups.slice(6).flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
  return bytes.join(".");
}

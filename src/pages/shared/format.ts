/** Numbers, times and lists, in words. */

const numbers = new Intl.NumberFormat("en");
const lists = new Intl.ListFormat("en");
const relative = new Intl.RelativeTimeFormat("en");

/** The units of `ago`, largest first, in milliseconds. */
const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** `1 room`, `12,031 rooms`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${numbers.format(count)} ${count === 1 ? one : many}`;
}

/** `Ada`, `Ada and Bob`, `Ada, Bob, and 3 others`. */
export function listed(names: readonly string[], max = 3): string {
  const rest = names.length - max;
  if (rest < 2) return lists.format(names);
  return lists.format([...names.slice(0, max), `${numbers.format(rest)} others`]);
}

/** The time of day, to the second. */
export function clock(time: number): string {
  return new Date(time).toLocaleTimeString("en-GB");
}

/** How long ago, in the largest unit that fits: `now`, `12 s`, `3 min`, `2 h`, `4 d`. */
export function age(time: number, now: number): string {
  const seconds = Math.max(0, Math.floor((now - time) / 1_000));
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400
    ? `${Math.floor(seconds / 3_600)} h`
    : `${Math.floor(seconds / 86_400)} d`;
}

/** How long ago, in words and in the largest unit that fits: `just now`, `4 minutes ago`, `2 hours ago`. */
export function ago(time: number, now: number): string {
  for (const [unit, ms] of UNITS) {
    if (now - time >= ms) return relative.format(-Math.floor((now - time) / ms), unit);
  }
  return "just now";
}

/** CPU time and memory of a process and all that it started, from /proc: what the kernel has counted anyway. */

import { readdirSync, readFileSync } from "node:fs";

/** Linux counts in hundredths of a second wherever a program can see it. */
const TICKS_PER_SECOND = 100;

type Process = { readonly pid: string; readonly parent: string; readonly ticks: number };

export type Memory = {
  /** Megabytes in memory now, and at most so far. */
  readonly now: number;
  readonly peak: number;
};

/** Seconds of CPU, in user and in kernel mode, since the process was started. */
export function cpuSeconds(pid: number): number {
  return tree(pid).reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_SECOND;
}

export function memory(pid: number): Memory {
  const sum = { now: 0, peak: 0 };
  for (const { pid: member } of tree(pid)) {
    const status = read(`/proc/${member}/status`);
    sum.now += kilobytes(status, "VmRSS") / 1_024;
    sum.peak += kilobytes(status, "VmHWM") / 1_024;
  }
  return sum;
}

function tree(root: number): Process[] {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap(processOf);
  const members = new Set([String(root)]);
  // A child may be listed before its parent: look again until nobody is new.
  for (let size = 0; size < members.size;) {
    size = members.size;
    for (const { pid, parent } of all) if (members.has(parent)) members.add(pid);
  }
  return all.filter(({ pid }) => members.has(pid));
}

function processOf(pid: string): Process[] {
  // The fields after the name, which may hold anything: the second is the parent, the 12th and 13th are CPU.
  const fields = read(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
  const [, parent = ""] = fields;
  if (parent === "") return [];
  return [{ pid, parent, ticks: Number(fields[11]) + Number(fields[12]) }];
}

function kilobytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
}

/** Empty where the process has ended meanwhile. */
function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

/** How many files and sockets a process of this machine may have open. */
export function filesMax(): number {
  return Number(/^Max open files +(\d+)/m.exec(read("/proc/self/limits"))?.[1] ?? Infinity);
}

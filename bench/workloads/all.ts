/** The workloads, in the order of the table. */

import type { Workload } from "../workload.ts";
import { BURST, CHURN } from "./churn.ts";
import { HEARTBEATS, IDLE } from "./heartbeats.ts";
import { MEMORY, MEMORY_NAMES } from "./memory.ts";
import { RESTART } from "./restart.ts";
import { STORM, STORM_5000, STORM_LIST } from "./storm.ts";
import { CURSORS_MOVE, FANOUT } from "./talk.ts";
import { WAKE } from "./wake.ts";

export const WORKLOADS: readonly Workload[] = [
  STORM,
  STORM_LIST,
  STORM_5000,
  CHURN,
  BURST,
  FANOUT,
  CURSORS_MOVE,
  HEARTBEATS,
  IDLE,
  WAKE,
  RESTART,
  MEMORY,
  MEMORY_NAMES,
];

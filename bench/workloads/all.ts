/** The workloads, in the order of the table. */

import type { Workload } from "../workload.ts";
import { BURST, CHURN, CHURN_SINGLE } from "./churn.ts";
import { FIRST_FRAME } from "./first-frame.ts";
import { HEARTBEATS, IDLE } from "./heartbeats.ts";
import { HISTORY } from "./history.ts";
import { MEMORY, MEMORY_NAMES } from "./memory.ts";
import { RESTART } from "./restart.ts";
import { STORM, STORM_5000, STORM_64, STORM_64_3000, STORM_LIST } from "./storm.ts";
import { CURSORS_MOVE, FANOUT } from "./talk.ts";
import { WAKE } from "./wake.ts";

export const WORKLOADS: readonly Workload[] = [
  STORM,
  STORM_LIST,
  STORM_64,
  STORM_64_3000,
  STORM_5000,
  ...FIRST_FRAME,
  CHURN,
  CHURN_SINGLE,
  BURST,
  FANOUT,
  CURSORS_MOVE,
  HEARTBEATS,
  IDLE,
  WAKE,
  RESTART,
  MEMORY,
  MEMORY_NAMES,
  HISTORY,
];

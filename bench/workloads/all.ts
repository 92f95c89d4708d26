/** The workloads, in the order of the table. */

import type { Workload } from "../workload.ts";
import { stormOf1000 } from "./storm.ts";

export const WORKLOADS: readonly Workload[] = [stormOf1000];

/** One installation for all tests of the pages. */

import type { TestProject } from "vitest/node";
import { Installation } from "./installation.ts";

declare module "vitest" {
  // oxlint-disable-next-line typescript/consistent-type-definitions
  interface ProvidedContext {
    /** The folder of the `Installation`. */
    installation: string;
  }
}

export default async function setup(project: TestProject): Promise<() => void> {
  const installation = await Installation.create();
  project.provide("installation", installation.directory);
  return () => installation.remove();
}

/** What a stranger sees of a running service: requests without a token. */

import * as v from "valibot";
import type { Finding } from "../config/settings-audit.ts";
import type { Target } from "./target.ts";
import { printable } from "./text.ts";

/** A healthy service answers at once, wherever it is. */
const ANSWER_MS_MAX = 10_000;

const Health = v.object({ ok: v.literal(true) });

type Reply = { readonly status: number; readonly headers: Headers; readonly text: string };

/** What is unsafe about the service at `target`, or missing. */
export async function inspectService({ url, isLocal }: Target): Promise<Finding[]> {
  const findings: Finding[] = [];
  const report = (problem: string, remedy: string) => {
    findings.push({ setting: url, problem, remedy });
  };
  if (!isLocal && !url.startsWith("https:")) {
    report("is not https: tokens go over the network for all to read", "use its https address");
  }
  const health = await ask(`${url}/healthz`);
  if (typeof health === "string") {
    report(`cannot be reached: ${health}`, "is it deployed, and is the address right?");
    return findings;
  }
  if (health.status !== 200 || !v.is(Health, parse(health.text))) {
    const location = health.headers.get("location");
    const answered = location === null ? "" : `, and sends us on to ${printable(location)}`;
    report(
      `answers /healthz with ${health.status}${answered}, not as this service does`,
      "is the address right? A service that is mounted under a path has it in its address",
    );
    return findings;
  }
  const rooms = await ask(`${url}/rooms`);
  if (typeof rooms === "string") report(`cannot be asked for its rooms: ${rooms}`, "try again");
  else findings.push(...findingsOfApi(url, rooms));
  const page = await ask(`${url}/inspector`);
  if (typeof page !== "string" && isPage(page) && !page.headers.has("content-security-policy")) {
    report(
      "serves its pages without a Content-Security-Policy",
      "deploy dist/pages with its _headers file",
    );
  }
  return findings;
}

function findingsOfApi(url: string, { status, headers }: Reply): Finding[] {
  const findings: Finding[] = [];
  if (status === 503) {
    findings.push({
      setting: url,
      problem: "takes no tokens: everybody is anonymous there, and the HTTP API is closed",
      remedy: "set a secret: npx wrangler secret put PRESENCE_SECRET",
    });
  } else if (status !== 401) {
    findings.push({
      setting: url,
      problem: `answers a call of the HTTP API without a token with ${status} instead of 401`,
      remedy: "see what is in front of it; nobody may list rooms without a token",
    });
  }
  const missing = ["content-security-policy", "x-content-type-options", "referrer-policy"].filter(
    (name) => !headers.has(name),
  );
  if (missing.length > 0) {
    findings.push({
      setting: url,
      problem: `answers without ${missing.join(", ")}`,
      remedy: "deploy this version, and see whether something in front of it takes them away",
    });
  }
  return findings;
}

function isPage({ status, headers, text }: Reply): boolean {
  const isHtml = headers.get("content-type")?.startsWith("text/html") === true;
  return status === 200 && isHtml && text.includes("durable-presence");
}

/** The answer, or why there was none. Sends no token, and follows no redirection. */
async function ask(url: string): Promise<Reply | string> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const response = await fetch(url, { redirect: "manual", signal });
    const { status, headers } = response;
    return { status, headers, text: await response.text() };
  } catch (error) {
    if (!(error instanceof Error)) return String(error);
    if (error.name === "TimeoutError") return `no answer within ${ANSWER_MS_MAX / 1_000} seconds`;
    const { cause } = error;
    return cause instanceof Error && "code" in cause ? String(cause.code) : error.message;
  }
}

/** `undefined` for what is not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

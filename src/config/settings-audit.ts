/**
 * Settings that are allowed and not safe: what a service says of itself when it starts, and
 * `durable-presence doctor` before it does. Each has its reason in SECURITY.md. Never says a value
 * that is a secret.
 */

import { isDevelopment, isLocal, readSettings, type Settings, takesTokens } from "./settings.ts";
import type { Variables } from "./variables.ts";

export type Finding = {
  /** The variable or the binding. */
  readonly setting: string;
  readonly problem: string;
  /** The way out. */
  readonly remedy: string;
};

/**
 * Fewer different characters than that are no chance: 32 random hex digits have 14, and under 8
 * once in ten million.
 */
const CHARACTERS_MIN = 8;

/** Of 24 random bytes or more some 23 differ; fewer than that many never by chance. */
const BYTES_MIN = 12;

/**
 * Words that a person writes where a random text belongs. Shorter ones turn up in random text too.
 */
const WORDS = /secret|password|passwort|changeme|change-me|example|presence|12345678|abcdefgh/i;

const NEW_SECRET = "make one with: openssl rand -base64 32";

/**
 * What is unsafe, the worst first. Throws where a setting is wrong. `isBound` knows the bindings by
 * their names.
 */
export function auditSettings(variables: Variables, isBound: (name: string) => boolean): Finding[] {
  const settings = readSettings(variables);
  return [
    ...findingsOfDevelopment(variables),
    ...findingsOfSecrets(variables, settings),
    ...findingsOfProvider(settings),
    ...findingsOfStrangers(settings),
    ...findingsOfLimiters(isBound),
    ...findingsOfWebhook(settings, isBound),
  ];
}

function findingsOfDevelopment(variables: Variables): Finding[] {
  if (!isDevelopment(variables)) return [];
  const problem = "is for npm start alone: it gives tokens to whoever reaches it by a local name";
  return [{ setting: "PRESENCE_DEV", problem, remedy: "unset it" }];
}

function findingsOfSecrets(variables: Variables, settings: Settings): Finding[] {
  const findings: Finding[] = [];
  if (!takesTokens(settings)) {
    findings.push({
      setting: "PRESENCE_SECRET",
      problem:
        "is not set, and PRESENCE_JWKS_URL neither: everybody is anonymous, and the HTTP API is closed",
      remedy: `${NEW_SECRET}; set it with: npx wrangler secret put PRESENCE_SECRET`,
    });
  }
  for (const setting of ["PRESENCE_SECRET", "PRESENCE_SECRET_PREVIOUS"] as const) {
    const text = variables[setting] ?? "";
    if (text === "" || !isGuessable(text)) continue;
    const problem = "looks guessable: who guesses it can be anybody, an administrator too";
    findings.push({ setting, problem, remedy: NEW_SECRET });
  }
  if (settings.previousSecret !== null) {
    findings.push({
      setting: "PRESENCE_SECRET_PREVIOUS",
      problem: "is still set: whoever has the old secret can still be anybody",
      remedy:
        "once the last token of it has ended: npx wrangler secret delete PRESENCE_SECRET_PREVIOUS",
    });
  }
  return findings;
}

/** Whether a person seems to have thought of it. False of nearly all that a machine made. */
export function isGuessable(secret: string): boolean {
  const isRepetition = /^(.+?)\1+$/s.test(secret);
  return isRepetition || new Set(secret).size < CHARACTERS_MIN || WORDS.test(secret);
}

function findingsOfProvider({ provider }: Settings): Finding[] {
  if (provider === null) return [];
  const findings: Finding[] = [];
  const { jwksUrl, issuer, audience } = provider;
  if (isLocal(new URL(jwksUrl))) {
    findings.push({
      setting: "PRESENCE_JWKS_URL",
      problem: "is an address of the machine that the Worker runs on, which is for development",
      remedy: "set the https address of your identity provider's keys",
    });
  }
  if (issuer === null) {
    findings.push({
      setting: "PRESENCE_ISSUER",
      problem: "is not set: a token of anyone whose key is in that set is believed",
      remedy: "set it to what your identity provider writes into iss",
    });
  }
  if (audience === null) {
    findings.push({
      setting: "PRESENCE_AUDIENCE",
      problem: "is not set: tokens that the provider made for other applications are believed here",
      remedy: "set it to what your identity provider writes into aud for this service",
    });
  }
  return findings;
}

function findingsOfStrangers({ origins, anonymous }: Settings): Finding[] {
  const findings: Finding[] = [];
  if (origins === null) {
    findings.push({
      setting: "PRESENCE_ORIGINS",
      problem: "is *: any page on the web may connect, and call the HTTP API if it has a token",
      remedy: "set it to your pages' origins, such as https://example.com",
    });
  }
  if (anonymous === "join") {
    findings.push({
      setting: "PRESENCE_ANONYMOUS",
      problem: "is join: anybody may join any room without a token, and see who is there",
      remedy: "set it to watch, or to deny",
    });
  }
  return findings;
}

function findingsOfLimiters(isBound: (name: string) => boolean): Finding[] {
  return ["ADDRESS_LIMITER", "USER_LIMITER"]
    .filter((name) => !isBound(name))
    .map((setting) => ({
      setting,
      problem: "is not bound: nothing stops a flood of connections before it reaches rooms",
      remedy: `add the [[ratelimits]] named ${setting} to wrangler.toml, as docs/library.md has it`,
    }));
}

/** Says neither the address nor the secret. */
function findingsOfWebhook(
  { webhook, historyMs }: Settings,
  isBound: (name: string) => boolean,
): Finding[] {
  const findings: Finding[] = [];
  const hasQueue = isBound("PRESENCE_EVENTS");
  if (hasQueue && historyMs === 0) {
    findings.push({
      setting: "PRESENCE_EVENTS",
      problem:
        "is bound, and gets nothing: PRESENCE_HISTORY is 0, and events are read from the log",
      remedy: "unset PRESENCE_HISTORY, or take the queue out of wrangler.toml",
    });
  }
  if (webhook === null) return findings;
  const { url, secrets } = webhook;
  if (isLocal(new URL(url))) {
    findings.push({
      setting: "PRESENCE_WEBHOOK_URL",
      problem: "is an address of the machine that the Worker runs on, which is for development",
      remedy: "set the https address of your receiver",
    });
  }
  if (secrets.some((secret) => new Set(secret).size < BYTES_MIN)) {
    findings.push({
      setting: "PRESENCE_WEBHOOK_SECRET",
      problem: "looks guessable: who guesses it can send your receiver any event",
      remedy: 'make one with: echo "whsec_$(openssl rand -base64 32)"',
    });
  }
  if (secrets.length > 1) {
    findings.push({
      setting: "PRESENCE_WEBHOOK_SECRET",
      problem: "is still two secrets: whoever has the old one can send your receiver any event",
      remedy: "once all receivers have the new one, set it alone",
    });
  }
  if (hasQueue) {
    findings.push({
      setting: "PRESENCE_EVENTS",
      problem: "is bound, and gets nothing: events go to PRESENCE_WEBHOOK_URL",
      remedy: "unset the address, or take the queue out of wrangler.toml",
    });
  }
  return findings;
}

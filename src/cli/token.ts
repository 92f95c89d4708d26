/** `npm run token`: prints a development token, and nothing else, so that a script can use it. */

import { parseArgs } from "node:util";
import { ACTIONS, type Action } from "../core/claims.ts";
import type { JsonObject } from "../core/json.ts";
import { mint } from "./mint.ts";
import { readSecret } from "./secret.ts";

const HELP = `Prints a token for development, signed with PRESENCE_SECRET of the environment or of .dev.vars.

  npm run token -- --sub ada --info '{"name":"Ada"}'
  npm run token -- --sub ops --can admin --rooms 'game-*' --ttl 15m

  --sub    the user's id (needed)
  --info   what everyone in the room may see of the user, a JSON object
  --rooms  names of rooms, separated by commas; each may end in * (default: all)
  --can    what the token allows, separated by commas: ${ACTIONS.join(", ")} (default: join,send)
  --ttl    how long it is valid: 15m, 12h, 7d (default: 24h)
`;

async function main(): Promise<string> {
  const { values } = parseArgs({
    options: {
      sub: { type: "string" },
      info: { type: "string" },
      rooms: { type: "string" },
      can: { type: "string" },
      ttl: { type: "string", default: "24h" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return HELP;
  const { sub, info, rooms, can, ttl } = values;
  if (sub === undefined) throw new Error("--sub is missing: whose token is it?");
  const secret = readSecret();
  if (secret === undefined) {
    throw new Error("there is no PRESENCE_SECRET; npm start makes one in .dev.vars");
  }
  const claims = {
    sub,
    ...(info === undefined ? {} : { info: readInfo(info) }),
    ...(rooms === undefined ? {} : { rooms: rooms.split(",") }),
    ...(can === undefined ? {} : { can: can.split(",").map(readAction) }),
  };
  return mint(claims, secret, ttl);
}

function readInfo(text: string): JsonObject {
  try {
    // `mint` checks that it is an object.
    return JSON.parse(text);
  } catch {
    throw new Error(`--info is not JSON: ${text}`);
  }
}

function readAction(name: string): Action {
  const action = ACTIONS.find((known) => known === name);
  if (action) return action;
  throw new Error(`--can has "${name}"; it must be out of ${ACTIONS.join(", ")}`);
}

try {
  console.log(await main());
} catch (error) {
  console.error(
    `${error instanceof Error ? error.message : String(error)}\nSee: npm run token -- --help`,
  );
  process.exitCode = 1;
}

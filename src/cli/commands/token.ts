/** `token`: prints a token for development and tests, and nothing else, for use in scripts. */

import * as v from "valibot";
import { ACTIONS, type Action, Claims } from "../../core/claims.ts";
import { printResult } from "../output.ts";
import { command, readJson } from "../command.ts";
import { CommandError, UsageError } from "../command-error.ts";
import { mint } from "../mint.ts";
import { readSecret } from "../secret.ts";
import { printable } from "../text.ts";

/** The durations that the token library takes, except negative ones and those like "1h ago". */
const TTL =
  /^\d+(?:\.\d+)? ?(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|y|yrs?|years?)$/i;

export const token = command({
  name: "token",
  summary: "Prints a token, signed with PRESENCE_SECRET of the environment or of .dev.vars",
  examples: [
    `--sub ada --info '{"name":"Ada"}'`,
    "--sub ops --can admin --rooms 'game-*,lobby' --ttl 15m",
  ],
  args: {
    sub: { type: "string", valueHint: "id", description: "the user's id (needed)" },
    info: {
      type: "string",
      valueHint: "json",
      description: "what everyone in the room may see of the user, a JSON object",
    },
    rooms: {
      type: "string",
      valueHint: "names",
      description: "names of rooms, separated by commas; each may end in * (default: all)",
    },
    can: {
      type: "string",
      valueHint: "actions",
      description: `what it allows, separated by commas: ${ACTIONS.join(", ")} (default: join,send)`,
    },
    ttl: {
      type: "string",
      valueHint: "time",
      description: "how long it is valid: 15m, 12h, 7d (default: 24h)",
    },
    json: { type: "boolean", description: 'prints {"token": …}, for scripts' },
  },
  async run({ sub, info, rooms, can, ttl = "24h", json }) {
    if (sub === undefined) throw new UsageError("--sub is missing: whose token is it?");
    if (!TTL.test(ttl)) {
      throw new UsageError(`--ttl is "${printable(ttl)}"; it must look like 15m, 12h or 7d`);
    }
    const claims = readClaims({
      sub,
      ...(info === undefined ? {} : { info: readJson("--info", info) }),
      ...(rooms === undefined ? {} : { rooms: rooms.split(",") }),
      ...(can === undefined ? {} : { can: can.split(",").map(readAction) }),
    });
    const secret = readSecret();
    if (secret === undefined) {
      throw new CommandError(
        "there is no PRESENCE_SECRET: set it in the environment or in .dev.vars, where npm start makes one",
      );
    }
    const minted = await mint(claims, secret, ttl);
    printResult(json, { token: minted }, [minted]);
  },
});

/** The claims as they were given: those that are left out stay out of the token. */
function readClaims<Given>(given: Given): Given & v.InferInput<typeof Claims> {
  if (v.is(Claims, given)) return given;
  const { issues } = v.safeParse(Claims, given);
  throw new UsageError(issues?.[0].message ?? "the claims are wrong");
}

function readAction(name: string): Action {
  const action = ACTIONS.find((known) => known === name);
  if (action) return action;
  throw new UsageError(`--can has "${printable(name)}"; it must be out of ${ACTIONS.join(", ")}`);
}

/**
 * The OpenAPI document of the HTTP API, made of the same operations by which the app checks
 * requests.
 */

import { Hono } from "hono";
import { describeRoute, generateSpecs, resolver } from "hono-openapi";
import type { GenericSchema } from "valibot";
import { ErrorAnswer } from "../core/http-shapes.ts";
import { HTTP_PAGE, ROOM_PAGE_MAX } from "../core/limits.ts";
import { VIEWS } from "../core/protocol.ts";
import { EVENT_TYPES } from "../core/room-events.ts";
import {
  ANY_SEGMENT,
  FAILURES,
  type Operation,
  OPERATIONS,
  PARAMETERS,
  TAGS,
} from "../http/operations.ts";
import { version } from "../cli/version.ts";

const DESCRIPTION = `Who is in this room right now? Rooms, and the channels that are in them, for servers: browsers
connect to \`/rooms/:name/ws\` by WebSocket. Names in paths are percent-encoded. Every call but those that say so
wants a token that can \`admin\`, in the rooms that the token is for.`;

type Description = Parameters<typeof describeRoute>[0];
type Parameter = NonNullable<Description["parameters"]>[number];
type Responses = NonNullable<Description["responses"]>;

/** The document without `servers`, which the Worker knows. */
export async function openApiDocument(): Promise<object> {
  const documented = new Hono();
  for (const [operationId, operation] of Object.entries<Operation>(OPERATIONS)) {
    const { method } = operation;
    const path = operation.path.replaceAll(ANY_SEGMENT, "");
    documented.on(method, path, describeRoute(describe(operationId, operation)), (c) =>
      c.body(null),
    );
  }
  const { servers: _, ...document } = await generateSpecs(documented, {
    documentation: {
      info: {
        title: "durable-presence",
        version,
        description: DESCRIPTION,
        license: { name: "MIT", identifier: "MIT" },
      },
      tags: TAGS.map((name) => ({ name })),
      components: {
        responses: Object.fromEntries(
          Object.entries(FAILURES).map(([status, description]) => [
            status,
            { description, content: json(ErrorAnswer) },
          ]),
        ),
        securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      },
    },
  });
  return JSON.parse(JSON.stringify(document));
}

function describe(operationId: string, operation: Operation): Description {
  const { tag, summary, description, needs, body, isBodyOptional = false } = operation;
  return {
    operationId,
    tags: [tag],
    summary,
    description: [description, needs === "watch" && "A token that can `watch` is enough."]
      .filter(Boolean)
      .join(" "),
    parameters: [...pathParametersOf(operation), ...queryParametersOf(operation)],
    ...(body ? { requestBody: { required: !isBodyOptional, content: json(body) } } : {}),
    responses: responsesOf(operation),
    security: needs === null ? [] : [{ token: [] }],
  };
}

function responsesOf({ answers, failures }: Operation): Responses {
  const given = Object.entries(answers).map(([status, { text, body }]) => [
    status,
    { description: text, ...(body ? { content: json(body) } : {}) },
  ]);
  const failed = failures.map((status) => [status, { $ref: `#/components/responses/${status}` }]);
  return Object.fromEntries([...given, ...failed]);
}

function pathParametersOf({ path }: Operation): Parameter[] {
  return Object.entries(PARAMETERS)
    .filter(([name]) => path.includes(`:${name}`))
    .map(([name, description]) => ({
      name,
      in: "path",
      required: true,
      description,
      schema: { type: "string", minLength: 1 },
    }));
}

function time(name: string, description: string): Parameter {
  return {
    name,
    in: "query",
    description: `${description}; in milliseconds since the epoch`,
    schema: { type: "integer", minimum: 0 },
  };
}

/** Written out: what is text in a URL, a schema of JSON would call a number. */
const QUERY: readonly Parameter[] = [
  {
    name: "prefix",
    in: "query",
    description: "what the names begin with",
    schema: { type: "string" },
  },
  {
    name: "limit",
    in: "query",
    description: "how many at most",
    schema: { type: "integer", minimum: 1, maximum: ROOM_PAGE_MAX, default: HTTP_PAGE },
  },
  {
    name: "cursor",
    in: "query",
    description: "the `cursor` of the page before",
    schema: { type: "string" },
  },
  time("at", "the room as it was then"),
  time("from", "no earlier than that; as early as is known if left out"),
  time("to", "no later than that; now if left out"),
  {
    name: "after",
    in: "query",
    description: "a `rev` of this room: only what came after it",
    schema: { type: "string" },
  },
  {
    name: "user",
    in: "query",
    description: "the id of the user that the events are about",
    schema: { type: "string", minLength: 1 },
  },
  {
    name: "types",
    in: "query",
    description: `with commas between, each of which may end in \`*\`: ${EVENT_TYPES.join(", ")}`,
    schema: { type: "string", default: "*" },
  },
  {
    name: "view",
    in: "query",
    description: "what the connection hears: the whole list at each change, changes, or numbers",
    schema: { type: "string", enum: [...VIEWS], default: VIEWS[0] },
  },
  {
    name: "watch",
    in: "query",
    description: "1: sees the room without being in it",
    schema: { type: "string", enum: ["1"] },
  },
  {
    name: "token",
    in: "query",
    description: "a token, from a browser",
    schema: { type: "string" },
  },
  {
    name: "channel",
    in: "query",
    description: "of the presence to take up again, from the `welcome` frame",
    schema: { type: "string" },
  },
  {
    name: "resume",
    in: "query",
    description: "the secret that goes with `channel`",
    schema: { type: "string" },
  },
  {
    name: "welcome",
    in: "query",
    description: "1: a `welcome` comes first in every view, not in view `diff` alone",
    schema: { type: "string", enum: ["1"] },
  },
  {
    name: "since",
    in: "query",
    description: "the last `rev` that is known: what came after it is told, if the room knows it",
    schema: { type: "string" },
  },
];

function queryParametersOf({ query }: Operation): Parameter[] {
  const names = Object.keys(query?.entries ?? {});
  return QUERY.filter((parameter) => "name" in parameter && names.includes(parameter.name));
}

function json(schema: GenericSchema) {
  // What valibot checks beyond the shape has no counterpart; the texts say it.
  const options = { errorMode: "ignore", typeMode: "input" };
  return { "application/json": { schema: resolver(schema, options) } };
}

/** The OpenAPI document that the Worker serves: valid, whole, and what the operations make of it now. */

import { Validator } from "@seriousme/openapi-schema-validator";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { openApiDocument } from "../../src/dev/document.ts";
import stored from "../../src/http/openapi.json" with { type: "json" };
import { ANY_SEGMENT, FAILURES, type Operation, OPERATIONS } from "../../src/http/operations.ts";

const Content = v.optional(
  v.record(v.string(), v.object({ schema: v.record(v.string(), v.unknown()) })),
);

/** What the tests read of one operation; the validator checks the whole. */
const Documented = v.object({
  operationId: v.string(),
  summary: v.pipe(v.string(), v.nonEmpty()),
  security: v.array(v.object({ token: v.optional(v.tuple([])) })),
  parameters: v.optional(
    v.array(
      v.object({ name: v.string(), in: v.string(), required: v.optional(v.boolean(), false) }),
    ),
    [],
  ),
  requestBody: v.optional(v.object({ required: v.boolean(), content: Content })),
  responses: v.record(v.string(), v.object({ $ref: v.optional(v.string()), content: Content })),
});

const paths = v.parse(v.record(v.string(), v.record(v.string(), Documented)), stored.paths);

const operations = Object.entries<Operation>(OPERATIONS);

/** The path as OpenAPI writes it. */
function templateOf({ path }: Operation): string {
  return path.replaceAll(ANY_SEGMENT, "").replaceAll(/:(\w+)/g, "{$1}");
}

test("the stored document is what the operations make of it now", async () => {
  const made = await openApiDocument();
  expect(stored, "src/http/openapi.json is out of date: npm run openapi").toEqual(made);
});

test("it is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  expect(await validator.validate({ ...stored })).toEqual({ valid: true });
  expect(validator.version).toBe("3.1");
  expect(stored.openapi).toMatch(/^3\.1\./);
});

test("the validator would have told", async () => {
  const validator = new Validator();
  expect(await validator.validate({ ...stored, paths: [] })).toMatchObject({ valid: false });
});

test("it names every operation and no other", () => {
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => `${operationId} ${method} ${path}`),
  );
  const known = operations.map(
    ([id, operation]) => `${id} ${operation.method} ${templateOf(operation)}`,
  );
  expect(documented.toSorted()).toEqual(known.toSorted());
});

test("every way to fail is described, and no other", () => {
  expect(Object.keys(stored.components.responses)).toEqual(Object.keys(FAILURES));
  const failed = new Set(operations.flatMap(([, { failures }]) => failures.map(String)));
  // With another method each address answers 405: that is of addresses, not of operations.
  expect([...failed, "405"].toSorted()).toEqual(Object.keys(FAILURES));
});

describe.each(operations)("%s", (_id, operation) => {
  const documented = v.parse(Documented, paths[templateOf(operation)]?.[operation.method]);

  test("says what it answers, and how it fails", () => {
    const { responses } = documented;
    const { answers, failures } = operation;
    const statuses = [...Object.keys(answers), ...failures.map(String)];
    expect(Object.keys(responses).toSorted()).toEqual(statuses.toSorted());
    for (const status of failures) {
      expect(responses[status]).toEqual({ $ref: `#/components/responses/${status}` });
    }
    for (const [status, { body }] of Object.entries(answers)) {
      const schema = responses[status]?.content?.["application/json"]?.schema;
      expect(schema?.["type"]).toBe(body === null ? undefined : "object");
    }
  });

  test("says which token it wants", () => {
    const { security } = documented;
    expect(security).toEqual(operation.needs === null ? [] : [{ token: [] }]);
  });

  test("names its parameters", () => {
    const { parameters } = documented;
    const wanted = [
      ...Array.from(operation.path.matchAll(/:(\w+)/g), ([, name]) => `path ${name}`),
      ...Object.keys(operation.query?.entries ?? {}).map((name) => `query ${name}`),
    ];
    expect(parameters.map((parameter) => `${parameter.in} ${parameter.name}`).toSorted()).toEqual(
      wanted.toSorted(),
    );
    for (const { in: place, required } of parameters) {
      expect(required).toBe(place === "path");
    }
  });

  test("says what body it takes", () => {
    const { requestBody } = documented;
    const { body, isBodyOptional = false } = operation;
    const schema = requestBody?.content?.["application/json"]?.schema;
    expect(requestBody?.required).toBe(body ? !isBodyOptional : undefined);
    expect(schema?.["type"]).toBe(body ? "object" : undefined);
    expect(schema?.["additionalProperties"]).toBe(body ? false : undefined);
  });
});

/** The OpenAPI document that the Worker serves: valid, whole, and what the operations make of it now. */

import { readFile } from "node:fs/promises";
import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, test } from "vitest";
import { openApiDocument } from "../../src/dev/document.ts";
import { ANY_SEGMENT, FAILURES, type Operation, OPERATIONS } from "../../src/operations.ts";

type Documented = {
  operationId: string;
  summary: string;
  security: object[];
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { required: boolean; content: Record<string, { schema: object }> };
  responses: Record<string, { $ref?: string; content?: Record<string, { schema: object }> }>;
};

type Document = {
  openapi: string;
  paths: Record<string, Record<string, Documented>>;
  components: { responses: Record<string, object>; securitySchemes: Record<string, object> };
  servers?: unknown;
};

/** The file, as the Worker serves it but for `servers`. */
async function storedDocument(): Promise<Document> {
  const file = new URL("../../src/openapi.json", import.meta.url);
  // SAFETY: the parts that a test reads are asserted by it, and the validator checks the whole.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(await readFile(file, "utf8")) as Document;
}

const operations = Object.entries<Operation>(OPERATIONS);

/** The path as OpenAPI writes it. */
function templateOf({ path }: Operation): string {
  return path.replaceAll(ANY_SEGMENT, "").replaceAll(/:(\w+)/g, "{$1}");
}

test("the stored document is what the operations make of it now", async () => {
  expect(await storedDocument(), "src/openapi.json is out of date: npm run openapi").toEqual(
    await openApiDocument(),
  );
});

test("it is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const document = await storedDocument();
  expect(await validator.validate({ ...document })).toEqual({ valid: true });
  expect(validator.version).toBe("3.1");
  expect(document.openapi).toMatch(/^3\.1\./);
});

test("the validator would have told", async () => {
  const { paths: _, ...pathless } = await storedDocument();
  const validator = new Validator();
  expect(await validator.validate({ ...pathless, paths: [] })).toMatchObject({ valid: false });
});

test("it names every operation and no other", async () => {
  const { paths } = await storedDocument();
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => [operationId, method, path]),
  );
  const known = operations.map(([id, operation]) => [id, operation.method, templateOf(operation)]);
  expect(documented.toSorted()).toEqual(known.toSorted());
});

test("every way to fail is described, and no other", async () => {
  const { components } = await storedDocument();
  expect(Object.keys(components.responses)).toEqual(Object.keys(FAILURES));
  const failed = new Set(operations.flatMap(([, { failures }]) => failures.map(String)));
  // With another method each address answers 405: that is of addresses, not of operations.
  expect([...failed, "405"].toSorted()).toEqual(Object.keys(FAILURES));
});

describe.each(operations)("%s", (_id, operation) => {
  async function documented(): Promise<Documented> {
    const { paths } = await storedDocument();
    const found = paths[templateOf(operation)]?.[operation.method];
    if (!found) throw new Error(`${templateOf(operation)} is missing`);
    return found;
  }

  test("says what it answers, and how it fails", async () => {
    const { responses, summary } = await documented();
    const { answers, failures } = operation;
    expect(summary).not.toBe("");
    expect(Object.keys(responses).map(Number).toSorted()).toEqual(
      [...Object.keys(answers).map(Number), ...failures].toSorted(),
    );
    for (const status of failures) {
      expect(responses[status]).toEqual({ $ref: `#/components/responses/${status}` });
    }
    for (const [status, { body }] of Object.entries(answers)) {
      const schema = responses[status]?.content?.["application/json"]?.schema;
      if (body === null) expect(responses[status]).not.toHaveProperty("content");
      else expect(schema).toMatchObject({ type: "object", properties: expect.any(Object) });
    }
  });

  test("says which token it wants", async () => {
    const { security } = await documented();
    expect(security).toEqual(operation.needs === null ? [] : [{ token: [] }]);
  });

  test("names its parameters", async () => {
    const { parameters = [] } = await documented();
    const wanted = [
      ...Array.from(operation.path.matchAll(/:(\w+)/g), ([, name]) => `path ${name}`),
      ...Object.keys(operation.query?.entries ?? {}).map((name) => `query ${name}`),
    ];
    expect(parameters.map((parameter) => `${parameter.in} ${parameter.name}`).toSorted()).toEqual(
      wanted.toSorted(),
    );
    for (const { in: place, required = false } of parameters) {
      expect(required).toBe(place === "path");
    }
  });

  test("says what body it takes", async () => {
    const { requestBody } = await documented();
    const { body, isBodyOptional = false } = operation;
    if (!body) {
      expect(requestBody).toBeUndefined();
      return;
    }
    expect(requestBody?.required).toBe(!isBodyOptional);
    expect(requestBody?.content["application/json"]?.schema).toMatchObject({
      type: "object",
      additionalProperties: false,
    });
  });
});

import { Hono } from "hono";
import { describeRoute, resolver, openAPIRouteHandler } from "hono-openapi";
import * as v from "valibot";
const app = new Hono();
const S = v.object({ a: v.pipe(v.string(), v.description("x")) });
app.get(
  "/x/:n{[^/]*}",
  describeRoute({
    summary: "s",
    responses: {
      200: { description: "ok", content: { "application/json": { schema: resolver(S) } } },
    },
    requestBody: { content: { "application/json": { schema: resolver(S) } } },
  }),
  (c) => c.text("x"),
);
app.get(
  "/openapi.json",
  openAPIRouteHandler(app, { documentation: { info: { title: "t", version: "1" } } }),
);
export default app;

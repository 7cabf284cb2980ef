/** POST /v1/forget, /v1/undo and /v1/compact: taking things out, back, and the space after them. */
import { z } from "zod";
import type { ForgetResult } from "../../memory/types.ts";
import { type Route, route } from "../route.ts";
import { where } from "../schemas.ts";
import type { Service } from "../service.ts";

const forgetBody = z.strictObject({
  ids: z.array(z.string()).max(100_000).exactOptional(),
  where: where.exactOptional(),
  olderThan: z
    .union([z.number(), z.string()])
    .exactOptional()
    .describe('Last updated before: milliseconds since 1970, an ISO date, or a span such as "30d"'),
  all: z.boolean().exactOptional().describe("Everything; must be said"),
  dryRun: z.boolean().exactOptional().describe("Only tell what would go"),
});

export const forgetAnswer: z.ZodType<ForgetResult> = z
  .object({
    items: z.int(),
    passages: z.int(),
    bytesFreed: z.number(),
    ids: z.array(z.string()),
    undo: z.string().exactOptional().describe("Token for /v1/undo"),
    undoUntil: z.number().exactOptional().describe("Milliseconds since 1970"),
  })
  .meta({ id: "ForgetResult" });

export function forgetRoutes({ memory }: Service): Route[] {
  const forget = route(
    {
      method: "post",
      path: "/v1/forget",
      tag: "Forgetting",
      name: "forget",
      summary: "Forget items by id, filter or age; dryRun counts first",
      body: forgetBody,
      response: forgetAnswer,
    },
    async ({ body }) => memory.forget(body),
  );
  const undo = route(
    {
      method: "post",
      path: "/v1/undo",
      tag: "Forgetting",
      name: "undo",
      summary: "Bring back what a forget took",
      body: z.strictObject({ token: z.string().min(1) }),
      response: z.object({ items: z.int() }),
    },
    async ({ body }) => memory.undo(body.token),
  );
  const compact = route(
    {
      method: "post",
      path: "/v1/compact",
      tag: "Forgetting",
      name: "compact",
      summary: "Give the space of forgotten items back to the disk",
      body: z.strictObject({}),
      response: z.object({ bytesBefore: z.number(), bytesAfter: z.number() }),
    },
    async ({ signal }) => memory.compact({ signal }),
  );
  return [forget, undo, compact];
}

/** /v1/chat/completions in OpenAI's shape. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Memory, open } from "../memory/index.ts";
import { createServer, type MnemeServer } from "./index.ts";

let memory: Memory;
let server: MnemeServer;
beforeAll(async () => {
  memory = await open(":memory:", { workers: 0 });
  await memory.add([{ id: "spann.md", text: "Posting lists are pruned by their distance to the query." }]);
  server = createServer(memory);
});
afterAll(async () => {
  await server.close();
  await memory.close();
});

async function chat(body: object): Promise<Response> {
  const init = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  return server.app.request("/v1/chat/completions", init);
}

const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: [{ type: "text", text: "How are posting lists pruned?" }] },
];

describe("chat completions", () => {
  test("the answer is a message with its sources", async () => {
    const answer = (await (await chat({ messages, model: "mneme-ask", temperature: 0 })).json()) as {
      object: string;
      choices: { message: { role: string; content: string }; finish_reason: string }[];
      usage: { total_tokens: number };
    };
    expect(answer.object).toBe("chat.completion");
    expect(answer.choices[0]).toMatchObject({ message: { role: "assistant" }, finish_reason: "stop" });
    expect(answer.choices[0]!.message.content).toMatch(/pruned[\s\S]*\[1\] spann\.md, line 1/);
    expect(answer.usage.total_tokens).toBeGreaterThan(5);
  });

  test("streams chunks that end in [DONE]", async () => {
    const lines = (await (await chat({ messages, stream: true })).text()).trim().split("\n\n");
    expect(lines.at(-1)).toBe("data: [DONE]");
    const chunks = lines.slice(0, -1).map((line) => JSON.parse(line.slice("data: ".length)));
    expect(chunks[0].choices[0].delta.role).toBe("assistant");
    expect(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join("")).toContain("pruned");
    expect(chunks.at(-1).choices[0].finish_reason).toBe("stop");
  });

  test("earlier messages tell what a question is about", async () => {
    const ask = async (content: string, before: object[]): Promise<string> => {
      const answer = await chat({ messages: [...before, { role: "user", content }] });
      const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] };
      return choices[0]!.message.content;
    };
    const before = [...messages, { role: "assistant", content: "By their distance." }];
    expect(await ask("And why is it so?", before)).toMatch(/pruned[\s\S]*\[1\] spann\.md/);
    expect(await ask("And why is it so?", [])).not.toContain("spann.md");
  });

  test("says so when the library holds no answer", async () => {
    const answer = await chat({ messages: [{ role: "user", content: "xylophone?" }] });
    const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] };
    expect(choices[0]!.message.content.length).toBeGreaterThan(10);
  });

  test.each([
    [{ messages, model: "gpt-4o" }, 404],
    [{ messages: [] }, 400],
    [{ messages: [{ role: "system", content: "only this" }] }, 400],
  ])("refuses %j", async (body, status) => {
    expect((await chat(body)).status).toBe(status);
  });
});

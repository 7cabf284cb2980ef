/** Tools of a chat as OpenAI's API sends them: their schemas, and what of them the model is told. */
import { z } from "zod";
import { MnemeError } from "../../errors.ts";

const parameters = z.record(z.string(), z.unknown());

const tool = z.object({
  type: z.literal("function"),
  function: z.object({
    name: z.string(),
    description: z.string().nullish(),
    parameters: parameters.nullish(),
    strict: z.boolean().nullish(),
  }),
});

const named = z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) });

export const toolsShape = {
  tools: z.array(tool).nullish(),
  tool_choice: z
    .union([
      z.enum(["none", "auto", "required"]),
      named,
      z.object({
        type: z.literal("allowed_tools"),
        allowed_tools: z.object({ mode: z.enum(["auto", "required"]), tools: z.array(named).min(1) }),
      }),
    ])
    .nullish(),
} as const;

const shape = z.object(toolsShape);
type ToolFields = z.infer<typeof shape>;

interface ToolOptions {
  readonly tools?: {
    readonly type: "function";
    readonly function: { readonly name: string; readonly description?: string; readonly parameters?: object };
  }[];
  readonly toolChoice?: "none" | "auto" | "required" | z.infer<typeof named>;
}

/** As options of a chat; where only some tools are allowed, the model is told of no others. @throws MnemeError ARGUMENT for one that is not there */
export function toolsOf({ tools, tool_choice: choice }: ToolFields): ToolOptions {
  const told = tools?.length ? { tools: tools.map(toldOf) } : {};
  if (choice == null) return told;
  if (typeof choice === "string" || choice.type === "function") return { ...told, toolChoice: choice };
  const { mode, tools: allowed } = choice.allowed_tools;
  const names = new Set(allowed.map((one) => one.function.name));
  const kept = (told.tools ?? []).filter((one) => names.delete(one.function.name));
  for (const name of names)
    throw new MnemeError(
      "ARGUMENT",
      `chat: tool_choice allows ${JSON.stringify(name)}, which is no tool of the request`,
      {
        details: { param: "tool_choice" },
      },
    );
  return { tools: kept, toolChoice: mode };
}

/** Fields that are null say nothing. */
function toldOf({ type, function: { name, description, parameters } }: z.infer<typeof tool>) {
  return {
    type,
    function: {
      name,
      ...(description == null ? {} : { description }),
      ...(parameters == null ? {} : { parameters }),
    },
  };
}

/** Policies by name, as command lines and other threads say them: "snapkv:1/8+lloyd4". */
import { MnemeError } from "../errors.ts";
import type { CacheBudget } from "./evict.ts";
import type { CachePolicy } from "./policy.ts";
import { full } from "./recipes/full.ts";
import { heavyHitters } from "./recipes/heavy-hitters.ts";
import { quantise } from "./recipes/quantise.ts";
import { snapKv } from "./recipes/snap-kv.ts";
import { together } from "./recipes/together.ts";
import { tova } from "./recipes/tova.ts";
import { slidingWindow } from "./recipes/window.ts";

/** Slots behind a chosen one that a policy by name chooses with it: a number, an identifier. */
const REACH = 40;
const UNITS: Readonly<Record<string, number>> = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9 };

/** What names there are, as errors and help texts show them. */
export const POLICY_FORMS =
  "f32, f16, int8, lloyd4, lloyd2, affine4, affine2, snapkv:1/8 or :512 or :8MB, h2o:512, tova:512, window:512, several joined by +";

/** @throws MnemeError ARGUMENT naming what is not understood; what the policy itself refuses */
export function policyOf(text: string): CachePolicy {
  const [first, ...rest] = text.split("+").map((part) => oneOf(part.trim().toLowerCase(), text));
  return rest.length === 0 ? first! : together(first!, ...rest);
}

function oneOf(part: string, whole: string): CachePolicy {
  const [name, value, ...more] = part.split(":");
  const slots = (): number => {
    if (!/^\d+$/.test(value ?? "")) throw unknown(whole, `${name} needs slots, e.g. ${name}:512`);
    return Number(value);
  };
  if (more.length > 0) throw unknown(whole, `${JSON.stringify(part)} has more than one value`);
  switch (name) {
    case "snapkv":
      return snapKv({ budget: budgetOf(value ?? "", whole), reach: REACH });
    case "h2o":
      return heavyHitters({ slots: slots() });
    case "tova":
      return tova({ slots: slots() });
    case "window":
      return slidingWindow({ recent: slots() });
  }
  if (value !== undefined) throw unknown(whole, `${JSON.stringify(name)} takes no value`);
  switch (name) {
    case "f32":
    case "f16":
    case "int8":
      return full(name);
    case "affine4":
    case "affine2":
    case "lloyd4":
    case "lloyd2":
      return quantise(name);
  }
  throw unknown(whole, `no policy ${JSON.stringify(name)}`);
}

/** 1/8 of the slots, 512 slots of a head, 8MB. */
function budgetOf(value: string, whole: string): CacheBudget {
  const share = /^(\d+)\/(\d+)$/.exec(value);
  if (share) return { share: Number(share[1]) / Number(share[2]) };
  const bytes = /^(\d+(?:\.\d+)?)(b|kb|mb|gb)$/.exec(value);
  if (bytes) return { bytes: Number(bytes[1]) * UNITS[bytes[2]!]! };
  if (/^\d+$/.test(value)) return { slots: Number(value) };
  throw unknown(whole, "snapkv needs a budget, e.g. snapkv:1/8, snapkv:512 or snapkv:8MB");
}

function unknown(whole: string, why: string): MnemeError {
  return new MnemeError("ARGUMENT", `cache ${JSON.stringify(whole)}: ${why}; there are ${POLICY_FORMS}`);
}

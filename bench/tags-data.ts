/** Short posts and the hashtags that their authors gave them, taken out of the text. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { dataFolder } from "./row.ts";

export interface TaggedPost {
  readonly id: string;
  readonly text: string;
  /** Small letters, each once. */
  readonly tags: readonly string[];
}

const HASHTAG = /#([\p{L}\p{N}_]+)/gu;

/** Posts with tags and with words beside them; one that an earlier part has too is left out. */
export function taggedPosts(part: "train" | "val" | "test", seen: Set<string> = new Set()): TaggedPost[] {
  const lines = gunzipSync(readFileSync(join(dataFolder(), "tweets-hashtags", `${part}.tsv.gz`)))
    .toString("utf8")
    .trimEnd()
    .split("\n");
  return lines.flatMap((line, i) => {
    const post = line.slice(line.indexOf("\t") + 1);
    const tags = [...new Set([...post.matchAll(HASHTAG)].map(([, tag]) => tag!.toLowerCase()))];
    // the last tag of a post that was cut off is half a tag
    const whole = /#[\p{L}\p{N}_]+…/u.test(post) ? tags.slice(0, -1) : tags;
    const text = post
      .replace(HASHTAG, " ")
      .replace(/@user|…|&amp;/g, " ")
      .replace(/\s+/g, " ")
      .trim();
    const key = text.toLowerCase();
    if (whole.length === 0 || text.split(" ").length < 3 || seen.has(key)) return [];
    seen.add(key);
    return [{ id: `${part}-${i}`, text, tags: whole }];
  });
}

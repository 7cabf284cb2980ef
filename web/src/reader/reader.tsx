/** The reading pane: the whole document with the passage lit, where it stands, and what is known about the document. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { StoredItem } from "../../../src/memory/types.ts";
import { formatAge, formatBytes, plural } from "../format.ts";
import { Marked } from "../search/marked.tsx";
import { Crumbs } from "../shell/crumbs.tsx";
import { Icon } from "../shell/icons.tsx";
import { tell, tellError } from "../shell/toasts.tsx";
import { type Block, blocksOf, rangesOf, windowOf } from "./blocks.ts";
import { closeReader, type Opened, opened } from "./state.ts";

export function Reader(): JSX.Element | null {
  return opened.value ? <OpenReader document={opened.value} key={opened.value.id} /> : null;
}

function OpenReader({ document: shown }: { readonly document: Opened }): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const { item, place, error } = shown;
  return (
    <aside class="reader" aria-labelledby="reader-title">
      <header>
        <div>
          {place && <Crumbs place={place} title={shown.title} />}
          <h2 id="reader-title" dir="auto" ref={heading} tabIndex={-1}>
            {shown.title}
          </h2>
        </div>
        <button
          type="button"
          class="quiet"
          onClick={closeReader}
          aria-label="Close the document"
          title="Close (Esc)"
        >
          <Icon name="close" />
        </button>
      </header>
      {error ? (
        <p class="failure">{error}</p>
      ) : item ? (
        <Text document={shown} item={item} />
      ) : (
        <p class="muted">Opening…</p>
      )}
      {item && <About item={item} />}
    </aside>
  );
}

function Text({
  document: shown,
  item,
}: {
  readonly document: Opened;
  readonly item: StoredItem;
}): JSX.Element {
  const whole = useSignal(false);
  const body = useRef<HTMLElement>(null);
  const { place } = shown;
  useEffect(() => {
    const lit = body.current?.querySelector(".lit");
    // Blocks out of sight have only a guessed height until they are laid out, so look again after a frame.
    lit?.scrollIntoView({ block: "center" });
    requestAnimationFrame(() => lit?.scrollIntoView({ block: "center" }));
  }, [place?.start, item]);
  const window = windowOf(item.text, place?.start ?? 0, whole.value);
  const cut = window.end - window.start < item.text.length;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section class="text" ref={body} tabIndex={0} aria-label="Text of the document">
      {cut && (
        <button
          type="button"
          class="plain"
          onClick={() => {
            whole.value = true;
          }}
        >
          A part around the passage. Show all {formatBytes(item.bytes)}
        </button>
      )}
      {blocksOf(item.text, window, place).map((block) => (
        <TextBlock key={block.start} block={block} terms={shown.terms ?? []} />
      ))}
    </section>
  );
}

interface TextBlockProps {
  readonly block: Block;
  readonly terms: readonly string[];
}

function TextBlock({ block, terms }: TextBlockProps): JSX.Element {
  return (
    <div class="block">
      {block.spans.map(({ kind, text }, i) => {
        const key = `${i}${kind}`;
        if (kind === "heading") return <b key={key}>{text}</b>;
        if (kind === "plain") return <span key={key}>{text}</span>;
        return (
          <mark class="lit" key={key}>
            <Marked text={text} ranges={rangesOf(text, terms)} />
          </mark>
        );
      })}
    </div>
  );
}

function About({ item }: { readonly item: StoredItem }): JSX.Element {
  const copy = (): void => {
    navigator.clipboard.writeText(item.id).then(() => tell("Id copied"), tellError);
  };
  return (
    <details class="about">
      <summary>
        {formatBytes(item.bytes)} · {plural(item.passages, "passage")} · {formatAge(item.updatedAt)}
      </summary>
      <dl>
        <div>
          <dt>id</dt>
          <dd>
            {item.id}{" "}
            <button type="button" class="quiet small" onClick={copy} aria-label="Copy the id">
              <Icon name="copy" />
            </button>
          </dd>
        </div>
        {item.provenance.uri && (
          <div>
            <dt>from</dt>
            <dd>{item.provenance.uri}</dd>
          </div>
        )}
        {Object.entries(item.meta).map(([field, value]) => (
          <div key={field}>
            <dt>{field}</dt>
            <dd>{Array.isArray(value) ? value.join(", ") : String(value)}</dd>
          </div>
        ))}
        <div>
          <dt>version</dt>
          <dd>
            {item.version}, sha-256 {item.contentHash.slice(0, 12)}
          </dd>
        </div>
      </dl>
    </details>
  );
}

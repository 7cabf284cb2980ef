/** Ask: an answer made of the library's own sentences, each with the place it stands. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Citation } from "../../../src/memory/types.ts";
import { formatMs, nameOf } from "../format.ts";
import { openReader } from "../reader/state.ts";
import { Crumbs } from "../shell/crumbs.tsx";
import { Icon } from "../shell/icons.tsx";
import { askQuestion, type Exchange, exchanges, stopAnswer } from "./state.ts";

export function AskView(): JSX.Element {
  return (
    <div class="ask">
      <h1>Ask</h1>
      <p class="muted intro">
        Answers come from your documents alone, and every sentence says where it stands.
      </p>
      <QuestionForm />
      <div class="exchanges" aria-live="polite">
        {exchanges.value.map((exchange) => (
          <Answer key={exchange.id} exchange={exchange} />
        ))}
      </div>
    </div>
  );
}

function QuestionForm(): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null);
  const submit = (): void => {
    const question = field.current!.value.trim();
    if (question === "") return;
    field.current!.value = "";
    void askQuestion(question);
  };
  return (
    <form
      class="question"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        data-main-field
        dir="auto"
        ref={field}
        rows={2}
        aria-label="Question"
        placeholder="How are posting lists pruned?"
        enterkeyhint="send"
        autofocus
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          submit();
        }}
      />
      <button type="submit" class="primary">
        Ask
      </button>
    </form>
  );
}

function Answer({ exchange }: { readonly exchange: Exchange }): JSX.Element {
  const { question, pieces, citations, state, reason, ms } = exchange;
  return (
    <article class={`exchange ${state}`}>
      <h2 dir="auto">{question}</h2>
      <div class="answer" dir="auto">
        {pieces.map((piece, i) => {
          const key = `${i}`;
          return "text" in piece ? (
            <span key={key}>{piece.text}</span>
          ) : (
            <Cite key={key} citation={piece.citation} />
          );
        })}
        {state === "streaming" && <span class="caret" aria-hidden="true" />}
      </div>
      {reason && <p class={state === "failed" ? "failure" : "note"}>{reason}</p>}
      {state === "streaming" && (
        <button type="button" class="plain" onClick={stopAnswer}>
          Stop
        </button>
      )}
      {citations.length > 0 && <Sources citations={citations} />}
      {state !== "streaming" && (
        <p class="muted fine">{state === "stopped" ? "Stopped." : ms ? formatMs(ms) : ""}</p>
      )}
    </article>
  );
}

function Cite({ citation }: { readonly citation: Citation }): JSX.Element {
  return (
    <button
      type="button"
      class="cite"
      title={citation.quote}
      aria-label={`Citation ${citation.number}: ${nameOf(citation)}`}
      onClick={() => open(citation)}
    >
      {citation.number}
    </button>
  );
}

function Sources({ citations }: { readonly citations: readonly Citation[] }): JSX.Element {
  return (
    <ol class="sources" aria-label="Sources">
      {citations.map((citation) => (
        <li key={citation.number}>
          <button type="button" onClick={() => open(citation)}>
            <span class="number">{citation.number}</span>
            <span>
              <strong dir="auto">{nameOf(citation)}</strong>
              <Crumbs place={citation.place} title={nameOf(citation)} />
              <q dir="auto">{citation.quote}</q>
            </span>
            <Icon name="next" />
          </button>
        </li>
      ))}
    </ol>
  );
}

function open(citation: Citation): void {
  void openReader(citation.id, nameOf(citation), citation.place);
}

/**
 * Sessions of MCP over HTTP: which requests of which client are at work, so that `notifications/cancelled`, which comes as a request of its
 * own, can stop one. Ids of JSON-RPC repeat between clients; nothing else of a session is kept.
 */
import { randomUUID } from "node:crypto";

export type RequestId = string | number;

interface Session {
  /** When it was last heard of, ms. */
  heard: number;
  readonly running: Map<RequestId, AbortController>;
}

export interface McpSessionOptions {
  /** Kept at once; those that were not heard of for longest go first. */
  readonly most?: number;
  /** Of silence, after which a session is forgotten. */
  readonly idleMs?: number;
  /** ms. */
  readonly now?: () => number;
}

export const mcpSessionDefaults = { most: 1024, idleMs: 24 * 3600 * 1000 } as const;

export class McpSessions {
  /** In the order in which they were last heard of. */
  readonly #sessions = new Map<string, Session>();
  /** Ids that their clients ended, the latest of them. */
  readonly #ended = new Set<string>();
  readonly #most: number;
  readonly #idleMs: number;
  readonly #now: () => number;

  constructor(options: McpSessionOptions = {}) {
    this.#most = options.most ?? mcpSessionDefaults.most;
    this.#idleMs = options.idleMs ?? mcpSessionDefaults.idleMs;
    this.#now = options.now ?? Date.now;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** @returns the new session's id */
  begin(): string {
    const id = randomUUID();
    this.#sessions.set(id, { heard: this.#now(), running: new Map() });
    this.#forget();
    return id;
  }

  /** Whether its client has ended it. One that was only forgotten is answered all the same: no answer needs more than its request. */
  isEnded(id: string): boolean {
    return this.#ended.has(id);
  }

  /** Stops all that is at work in it. @returns false where there is none of that id */
  end(id: string): boolean {
    const session = this.#sessions.get(id);
    if (!session) return false;
    for (const controller of session.running.values()) controller.abort();
    this.#sessions.delete(id);
    this.#ended.add(id);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= this.#most) break;
      this.#ended.delete(oldest);
    }
    return true;
  }

  /** A request is at work, until the returned `done` is called; `signal` fires when it is cancelled. */
  run(id: string, request: RequestId): { readonly signal: AbortSignal; done(): void } | undefined {
    const session = this.#hear(id);
    if (!session) return undefined;
    const controller = new AbortController();
    session.running.set(request, controller);
    return {
      signal: controller.signal,
      done: () => {
        if (session.running.get(request) === controller) session.running.delete(request);
      },
    };
  }

  cancel(id: string, request: RequestId): void {
    this.#hear(id)?.running.get(request)?.abort();
  }

  #hear(id: string): Session | undefined {
    this.#forget();
    const session = this.#sessions.get(id);
    if (!session) return undefined;
    session.heard = this.#now();
    this.#sessions.delete(id);
    this.#sessions.set(id, session);
    return session;
  }

  /** What is at work in a session that is forgotten goes on; it can be cancelled no more. */
  #forget(): void {
    const since = this.#now() - this.#idleMs;
    for (const [id, { heard }] of this.#sessions) {
      if (this.#sessions.size <= this.#most && heard >= since) break;
      this.#sessions.delete(id);
    }
  }
}

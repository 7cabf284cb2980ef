/** Metrics in the Prometheus text format: requests, latency, what the library holds, and how long the event loop was held up. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Memory } from "../memory/types.ts";
import type { ModelBytes } from "../model/index.ts";

const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

interface Histogram {
  /** Observations at most BUCKETS_S[i]; not yet summed up. */
  readonly counts: number[];
  count: number;
  sum: number;
}

export class Metrics implements Disposable {
  readonly #requests = new Map<string, number>();
  readonly #latency = new Map<string, Histogram>();
  readonly #loop = monitorEventLoopDelay({ resolution: 10 });

  constructor() {
    this.#loop.enable();
  }

  /** `route` is the pattern, never the path: paths hold ids and have no end. */
  observe(method: string, route: string, status: number, seconds: number): void {
    const labels = `method="${method}",route="${route}",status="${status}"`;
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1);
    const histogram = this.#histogram(`route="${route}"`);
    const bucket = BUCKETS_S.findIndex((limit) => seconds <= limit);
    if (bucket >= 0) histogram.counts[bucket]!++;
    histogram.count++;
    histogram.sum += seconds;
  }

  /** The whole page. Reading it starts a new interval for the event loop's maximum. */
  render(memory: Memory, model?: ModelBytes & { readonly name: string }): string {
    const lines = [
      ...this.#requestLines(),
      ...this.#latencyLines(),
      ...libraryLines(memory),
      ...(model ? modelLines(model) : []),
    ];
    // The sampler's own 10 ms of sleep are part of what it sees.
    const maxS = Math.max(0, this.#loop.max / 1e9 - 0.01);
    this.#loop.reset();
    lines.push(
      ...gauge(
        "mneme_event_loop_delay_max_seconds",
        "Longest hold-up of the event loop since the last scrape",
        maxS,
      ),
      ...gauge("process_resident_memory_bytes", "Resident memory of the process", process.memoryUsage.rss()),
    );
    return `${lines.join("\n")}\n`;
  }

  [Symbol.dispose](): void {
    this.#loop.disable();
  }

  #histogram(labels: string): Histogram {
    let histogram = this.#latency.get(labels);
    if (!histogram) {
      histogram = { counts: BUCKETS_S.map(() => 0), count: 0, sum: 0 };
      this.#latency.set(labels, histogram);
    }
    return histogram;
  }

  #requestLines(): string[] {
    const name = "mneme_http_requests_total";
    return [
      ...header(name, "counter", "HTTP requests answered"),
      ...[...this.#requests].map(([labels, count]) => `${name}{${labels}} ${count}`),
    ];
  }

  #latencyLines(): string[] {
    const name = "mneme_http_request_duration_seconds";
    const lines = header(name, "histogram", "Time until the answer began");
    for (const [labels, { counts, count, sum }] of this.#latency) {
      let below = 0;
      BUCKETS_S.forEach((limit, i) => {
        below += counts[i]!;
        lines.push(`${name}_bucket{${labels},le="${limit}"} ${below}`);
      });
      lines.push(`${name}_bucket{${labels},le="+Inf"} ${count}`);
      lines.push(`${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${count}`);
    }
    return lines;
  }
}

function libraryLines(memory: Memory): string[] {
  const info = memory.info();
  const name = "mneme_bytes";
  return [
    ...gauge("mneme_items", "Items in the library", info.items),
    ...gauge("mneme_passages", "Passages in the library", info.passages),
    ...gauge("mneme_budget_bytes", "Budget of RAM", info.budgetBytes),
    ...gauge("mneme_budget_used_bytes", "RAM claimed from the budget", info.usedBytes),
    ...gauge("mneme_disk_bytes", "Bytes of the store", info.diskBytes),
    ...header(name, "gauge", "Bytes by structure and tier"),
    ...memory
      .stats()
      .map(
        ({ structure, tier, bytes }) =>
          `${name}{structure="${escapeLabel(structure)}",tier="${tier}"} ${bytes}`,
      ),
  ];
}

function modelLines({ name, ...bytes }: ModelBytes & { readonly name: string }): string[] {
  const metric = "mneme_language_model_bytes";
  return [
    ...header(metric, "gauge", "Bytes of the language model by part"),
    ...Object.entries(bytes).map(
      ([part, count]) => `${metric}{model="${escapeLabel(name)}",part="${part}"} ${count}`,
    ),
  ];
}

function gauge(name: string, help: string, value: number): string[] {
  return [...header(name, "gauge", help), `${name} ${value}`];
}

function header(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

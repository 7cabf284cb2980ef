/** LibraryMemory: the verbs of Memory, each one line to where it is done. Writing is loaded only where it is used. */
import type { Embedder } from "../embed/embedder.ts";
import { MnemeError } from "../errors.ts";
import type { Where } from "../index/filter/where.ts";
import type { Store } from "../storage/store.ts";
import { ask, chat } from "./ask.ts";
import { cubeFacets } from "./cube/facets.ts";
import { libraryInfo, libraryStats } from "./describe.ts";
import { explainVectors } from "./explain.ts";
import { findQuotations } from "./find.ts";
import { Generative } from "./generative.ts";
import { tunedOf } from "./layout.ts";
import type { Library } from "./library.ts";
import { listItems } from "./list.ts";
import { getItem } from "./read-item.ts";
import { search } from "./search.ts";
import { matchingRows } from "./select.ts";
import { suggestTags, tagDefaults } from "./tags.ts";
import type {
  AddFileOptions,
  AddResult,
  AnswerPart,
  AskOptions,
  ChatMessage,
  CountOptions,
  Facet,
  FacetQuery,
  FindOptions,
  ForgetResult,
  ForgetSelector,
  IndexOptions,
  IndexResult,
  Item,
  ItemHead,
  JudgedQuery,
  LanguageModel,
  ListOptions,
  LocateOptions,
  LocateResult,
  Memory,
  MemoryInfo,
  Overlap,
  OverlapOptions,
  Quotation,
  SearchQuery,
  SearchResult,
  StatsRow,
  StoredItem,
  TagLearning,
  TagLearningOptions,
  TagOptions,
  TagSuggestion,
  TuneOptions,
  TuneResult,
  VectorExplanation,
  WorkOptions,
} from "./types.ts";
import type { Writer } from "./writer/writer.ts";

type Verbs = typeof import("./writer/index.ts");

export interface MemorySettings {
  readonly undoWindowMs: number;
  readonly workers?: number;
  readonly model?: LanguageModel;
  readonly onWarning: (message: string) => void;
}

export class LibraryMemory implements Memory {
  readonly #library: Library;
  readonly #embedder: Embedder;
  readonly #settings: MemorySettings;
  #writer: { readonly writer: Writer; readonly verbs: Verbs } | undefined;
  #generative: Generative | undefined;
  #closed: Promise<void> | undefined;

  constructor(library: Library, embedder: Embedder, settings: MemorySettings) {
    this.#library = library;
    this.#embedder = embedder;
    this.#settings = settings;
  }

  /** Gives this memory its writing half. */
  async startWriter(store: Store, substrings?: boolean): Promise<void> {
    const verbs = await import("./writer/index.ts");
    const { undoWindowMs, onWarning, workers = verbs.defaultWorkers() } = this.#settings;
    const writer = new verbs.Writer(this.#library, store, {
      embedder: this.#embedder,
      workers,
      undoWindowMs,
      onWarning,
    });
    this.#writer = { writer, verbs };
    this.#library.substrings.onRefused = (message) => {
      onWarning(message);
      verbs.mergeIfMany(writer); // builds it anew from the texts
    };
    await verbs.dropOrphans(writer);
    if (substrings !== undefined) await verbs.keepSubstrings(writer, substrings);
    await verbs.sweepExpired(writer);
    verbs.mergeIfMany(writer);
  }

  async add(
    items: Item | Iterable<Item> | AsyncIterable<Item>,
    options: WorkOptions = {},
  ): Promise<AddResult> {
    const { writer, verbs } = this.#writing("add");
    return verbs.addItems(writer, items, options);
  }

  async addFile(name: string, bytes: Uint8Array, options: AddFileOptions = {}): Promise<AddResult> {
    const { writer, verbs } = this.#writing("addFile");
    return verbs.addFile(writer, name, bytes, options);
  }

  async index(path: string, options: IndexOptions = {}): Promise<IndexResult> {
    const { writer, verbs } = this.#writing("index");
    return verbs.indexFolder(writer, path, options);
  }

  async search(query: string, options: SearchQuery = {}): Promise<SearchResult> {
    return this.#answer("search", (library) =>
      search(
        library,
        () => this.#activeEmbedder,
        query,
        options,
        () => this.#generativeOf(library),
      ),
    );
  }

  ask(question: string, options: AskOptions = {}): AsyncIterable<AnswerPart> {
    const { model = this.#settings.model } = options;
    return this.#stream("ask", (library) =>
      ask(library, () => this.#activeEmbedder, model || undefined, question, options),
    );
  }

  chat(messages: readonly ChatMessage[], options: AskOptions = {}): AsyncIterable<AnswerPart> {
    const { model = this.#settings.model } = options;
    return this.#stream("chat", (library) =>
      chat(library, () => this.#activeEmbedder, model || undefined, messages, options),
    );
  }

  async suggestTags(text: string, options: TagOptions = {}): Promise<readonly TagSuggestion[]> {
    return this.#answer("tags", (library) =>
      suggestTags(library, () => this.#activeEmbedder, options.model, text, options),
    );
  }

  async learnTags(options: TagLearningOptions = {}): Promise<TagLearning> {
    const { writer, verbs } = this.#writing("tags");
    const { learnTagSelector } = await import("./learn-tags.ts");
    const learning = await learnTagSelector(writer.library, () => this.#activeEmbedder, options);
    await verbs.keepTagSelector(writer, options.field ?? tagDefaults.field, learning.selector);
    return learning;
  }

  async get(id: string): Promise<StoredItem | undefined> {
    return this.#answer("get", (library) => getItem(library, id));
  }

  list(options: ListOptions = {}): AsyncIterable<ItemHead> {
    return this.#stream("list", (library) => listItems(library, options));
  }

  find(quote: string, options: FindOptions = {}): AsyncIterable<Quotation> {
    return this.#stream("find", (library) => findQuotations(library, quote, options));
  }

  async count(text: string | Uint8Array, options: CountOptions = {}): Promise<number> {
    const { countText } = await import("./substrings/count.ts");
    return this.#answer("count", (library) => countText(library, text, options));
  }

  async locate(text: string | Uint8Array, options: LocateOptions = {}): Promise<LocateResult> {
    const { locateText } = await import("./substrings/count.ts");
    return this.#answer("locate", (library) => locateText(library, text, options));
  }

  async overlaps(texts: readonly string[], options: OverlapOptions = {}): Promise<readonly Overlap[]> {
    const { overlapsOf } = await import("./overlaps/overlaps.ts");
    return this.#answer("overlaps", (library) => overlapsOf(library, texts, options));
  }

  async forget(selector: ForgetSelector): Promise<ForgetResult> {
    const { writer, verbs } = this.#writing("forget");
    return verbs.forget(writer, selector);
  }

  async undo(token: string): Promise<{ readonly items: number }> {
    const { writer, verbs } = this.#writing("undo");
    return verbs.undo(writer, token);
  }

  stats(): readonly StatsRow[] {
    const { bytes = 0 } = this.#generative ?? {};
    return libraryStats(this.#open("stats"), this.#activeEmbedder, this.#settings.model, bytes);
  }

  info(): MemoryInfo {
    return libraryInfo(this.#open("info"));
  }

  get embedder(): Embedder {
    this.#open("embedder");
    return this.#activeEmbedder;
  }

  explain(): readonly VectorExplanation[] {
    return explainVectors(this.#open("explain"));
  }

  facets(
    field: string,
    options?: { readonly where?: Where; readonly limit?: number },
  ): Promise<readonly { readonly value: string; readonly count: number }[]>;
  facets(query?: FacetQuery): Promise<readonly Facet[]>;
  async facets(
    field: string | FacetQuery = {},
    options: { readonly where?: Where; readonly limit?: number } = {},
  ): Promise<readonly { readonly value: string; readonly count: number }[] | readonly Facet[]> {
    return this.#answer("facets", async (library) => {
      if (typeof field !== "string") return cubeFacets(library, () => this.#activeEmbedder, field);
      const { where, limit = 50 } = options;
      if (!(limit >= 0)) throw new MnemeError("RANGE", `facets: limit must be 0 or more, got ${limit}`);
      await library.refresh();
      return library.gate.read(async () =>
        library.columns.facets(field, matchingRows(library, where, Date.now()) ?? library.live, limit),
      );
    });
  }

  async snapshot(
    path: string,
    options: WorkOptions = {},
  ): Promise<{ readonly path: string; readonly bytes: number }> {
    const library = this.#open("snapshot");
    const { writeSnapshot } = await import("../storage/snapshot-write.ts");
    const write = (): Promise<{ bytes: number }> => writeSnapshot(library.store, path, options);
    const { bytes } = this.#writer ? await this.#writer.writer.alone(write) : await write();
    return { path, bytes };
  }

  async compact(
    options: WorkOptions = {},
  ): Promise<{ readonly bytesBefore: number; readonly bytesAfter: number }> {
    const { writer, verbs } = this.#writing("compact");
    return verbs.compact(writer, options);
  }

  async tune(log: readonly JudgedQuery[], options: TuneOptions = {}): Promise<TuneResult> {
    const { writer, verbs } = this.#writing("tune");
    const { library } = writer;
    const [{ tuneRecall }, { cubeLesson }] = await Promise.all([
      import("./tune.ts"),
      import("./cube/cube-lesson.ts"),
    ]);
    const { index } = library.cube;
    const result = await tuneRecall(
      {
        search: (query, how) => this.search(query, how),
        ...(index
          ? {
              cube: {
                dimensions: index.dimensions,
                lesson: (query, how) => cubeLesson(library, () => this.#activeEmbedder, query, how),
              },
            }
          : {}),
        space: library.manifest.active,
        tuned: tunedOf(library.manifest),
      },
      log,
      options,
    );
    await verbs.keepTuned(writer, result.tuned);
    return result;
  }

  async reembed(embedder: Embedder, options: WorkOptions = {}): Promise<{ readonly passages: number }> {
    const { writer, verbs } = this.#writing("reembed");
    return verbs.reembed(writer, embedder, options);
  }

  async idle(): Promise<void> {
    await this.#writer?.writer.idle();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws MnemeError ARGUMENT where there is no model that can */
  #generativeOf(library: Library): Generative {
    this.#generative ??= new Generative(library, this.#settings.model);
    return this.#generative;
  }

  /** The embedder of the space that answers: a reembed changes it. */
  get #activeEmbedder(): Embedder {
    return this.#writer?.writer.embedder ?? this.#embedder;
  }

  async #close(): Promise<void> {
    if (this.#writer) await this.#writer.writer[Symbol.asyncDispose]();
    this.#generative?.[Symbol.dispose]();
    await this.#library.gate.write(() => this.#library[Symbol.asyncDispose]());
  }

  /** Somebody waits for an answer: work on other threads gives way, and stands aside until it is there. */
  async #answer<T>(verb: string, from: (library: Library) => Promise<T>): Promise<T> {
    const library = this.#reading(verb);
    using _ = this.#writer?.writer.pool.answering.begin();
    return await from(library);
  }

  /** The same for an answer that comes in parts. */
  #stream<T>(verb: string, from: (library: Library) => AsyncIterable<T>): AsyncIterable<T> {
    const parts = from(this.#reading(verb));
    return this.#writer?.writer.pool.answering.during(parts) ?? parts;
  }

  #reading(verb: string): Library {
    this.#writer?.writer.pool.giveWay();
    return this.#open(verb);
  }

  #open(verb: string): Library {
    if (this.#closed)
      throw new MnemeError("DISPOSED", `${verb}: this memory is closed; open the library again`);
    return this.#library;
  }

  #writing(verb: string): { readonly writer: Writer; readonly verbs: Verbs } {
    this.#open(verb);
    if (!this.#writer) {
      throw new MnemeError(
        "READ_ONLY",
        `${verb}: ${this.#library.store.location} was opened for reading; open it with mode: "write", or make a library of it by restore where it is a snapshot`,
      );
    }
    return this.#writer;
  }
}

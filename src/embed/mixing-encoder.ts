/** A TokenEncoder of a trained token mixer over static vectors: what src/train/crisp.ts makes, put to use. */
import { MnemeError, throwIfAborted } from "../errors.ts";
import { type Matrix, rowsOf } from "../linalg/matrix.ts";
import { type Ragged, ragged } from "../linalg/ragged.ts";
import { refuseEmpty, type TokenEncodeOptions, type TokenEncoder, type TokenSpace } from "./token-encoder.ts";
import { checkWeights, type MixerShape, type MixerWeights, mixTokens } from "./token-mixer.ts";

export interface MixingEncoderOptions {
  readonly shape: MixerShape;
  /** Borrowed for the encoder's life. */
  readonly weights: MixerWeights;
  /** Static vectors of a text's tokens: n x shape.inputs. */
  readonly tokens: (text: string, role: "query" | "document") => Matrix;
  /** Most tokens of a text; further ones are left out. */
  readonly places: { readonly query: number; readonly document: number };
  /** Names of the model and of what it was pruned to in training. */
  readonly model?: string;
  readonly revision?: string;
  readonly pruning?: string;
}

/** Documents have vectors of unit length; the length of a query's vectors is their weight. @throws MnemeError FORMAT */
export function mixingEncoder(options: MixingEncoderOptions): TokenEncoder {
  const { shape, weights, tokens, places, model = "token-mixer", revision = "0", pruning = "all" } = options;
  checkWeights(shape, weights);
  const space: TokenSpace = { model, revision, dim: shape.outputs, normalized: true, pruning };
  return {
    space,
    async encode(
      texts: readonly string[],
      { role = "document", signal }: TokenEncodeOptions = {},
    ): Promise<Ragged> {
      const sets = texts.map((text, i) => {
        throwIfAborted(signal, "encode");
        const found = tokens(text, role);
        refuseEmpty(texts, i, found.rows);
        if (found.cols !== shape.inputs)
          throw new MnemeError(
            "DIMENSION",
            `token mixer: static vectors of ${found.cols} values, the model takes ${shape.inputs}`,
          );
        const kept = rowsOf(found, 0, Math.min(found.rows, places[role]));
        return mixTokens(shape, weights, kept, role === "document");
      });
      return ragged(sets, shape.outputs);
    },
  };
}

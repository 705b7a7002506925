/**
 * The authorization model: written when it changed, found again when it did not.
 *
 * Models are immutable in the engine, and each process names, in every call, the one that it was built with. So a
 * rollout is: write the new model; give the store what the new model asks for besides (the old one does not see it);
 * only then answer. Processes of the old version go on with the old model, on tuples that serve both.
 */
import type { Logger } from 'pino';

import { catalogue, modelHash } from '../contract/model.js';
import { presets } from '../contract/presets.js';
import type { Pool } from '../platform/postgres.js';
import type { Part } from '../shared/part.js';
import { Problem } from '../shared/problem.js';
import type { DriftScope } from './drift.js';
import { insertModel, listModels, lockModels, markFilled, replaceCatalogue } from './model-store.js';
import { fillStore } from './reconcile.js';

export interface ModelOptions {
  readonly pool: Pool;
  readonly log: Logger;
  readonly storeId: string;
  /** Writes the model that this build carries; resolves to its id. */
  readonly writeModel: () => Promise<string>;
  /** Whether the store still holds a model. */
  readonly hasModel: (modelId: string) => Promise<boolean>;
}

/** How long filling a store may take before it says so and looks again. */
const FILL_MS = 60_000;

interface ModelInForce {
  readonly modelId: string;
  /** Otherwise the store may be new, or lack what the model asks for. */
  readonly isFilled: boolean;
}

export interface ModelPart extends Part {
  /** The id to name in every call. Throws Problem ENGINE_UNAVAILABLE before it is known. */
  modelId(): string;
  /** A part that, after the projector, gives the store what the model asks for, before the first answer. */
  filling(scope: DriftScope): Part;
}

/** Makes the part that finds or writes this build's model when it starts; the catalogue follows the newest model. */
export function createModelInForce(options: ModelOptions): ModelPart {
  let inForce: ModelInForce | undefined;
  return {
    name: 'authorization model',
    modelId() {
      if (inForce !== undefined) return inForce.modelId;
      throw new Problem('ENGINE_UNAVAILABLE', 'the authorization model is not known yet', { retryAfterSeconds: 1 });
    },
    async start() {
      inForce = await ensureModel(options);
    },
    stop: () => Promise.resolve(),
    filling: (scope) => ({
      name: 'store for the authorization model',
      async start() {
        if (inForce === undefined || inForce.isFilled) return;
        if (!(await fillStore(scope, FILL_MS))) throw new Error('the store is still being filled');
        const { modelId } = inForce;
        await options.pool.transaction((tx) => markFilled(tx, { storeId: options.storeId, modelId }));
      },
      stop: () => Promise.resolve(),
    }),
  };
}

async function ensureModel(options: ModelOptions): Promise<ModelInForce> {
  const { pool, log, storeId } = options;
  return await pool.transaction(async (tx) => {
    await lockModels(tx);
    const models = await listModels(tx, storeId);
    const known = models.find((model) => model.hash === modelHash);
    const stands = known !== undefined && (await options.hasModel(known.modelId));
    const modelId = stands ? known.modelId : await options.writeModel();
    if (!stands) {
      await insertModel(tx, { storeId, modelId, hash: modelHash });
      log.info({ modelId, hash: modelHash }, 'authorization model written');
    }
    // A process of an earlier version that starts once more leaves the newer version's catalogue alone.
    if (!stands || models[0] === known) await replaceCatalogue(tx, { catalogue, presets: Object.values(presets) });
    return { modelId, isFilled: stands && known.isFilled };
  });
}

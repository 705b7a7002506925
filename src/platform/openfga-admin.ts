/**
 * Setting the engine up: its store, its model, whether it serves.
 *
 * Everything here rejects with EngineError, and is asked at a start, never on anybody's request.
 */
import type { AuthorizationModel } from '../contract/model.js';
import { createEngineHttp } from './engine-http.js';
import type { EngineAddress } from './engine-http.js';
import { createEngineApi } from './openfga.js';
import { engineErrorOf } from './openfga-error.js';
import { tlsFaultOf } from './tls-refusal.js';

/** Setting up is not hurried: the engine may be starting. */
const HTTP = { timeout: 10_000, maxRedirects: 0, proxy: false };

/** The id of the oldest store of that name (3 to 64 of `[a-zA-Z0-9 .\-/^_&@]`), made where there is none. */
export async function ensureStore(engine: EngineAddress, name: string): Promise<string> {
  const api = createEngineApi(engine);
  return await translated(async () => {
    const { stores } = await api.listStores(100, undefined, name, HTTP);
    const [oldest] = stores.filter((store) => store.name === name).sort((a, b) => (a.id < b.id ? -1 : 1));
    return oldest?.id ?? (await api.createStore({ name }, HTTP)).id;
  });
}

/** Writes the model as a new one, equal to a standing one or not, and resolves to its id. */
export async function writeModel(
  engine: EngineAddress & { readonly storeId: string },
  model: AuthorizationModel,
): Promise<string> {
  const api = createEngineApi(engine);
  // The SDK's types are mutable, ours are not; it sends the model as it is.
  const body = model as unknown as Parameters<typeof api.writeAuthorizationModel>[1];
  return await translated(async () => {
    const { authorization_model_id: modelId } = await api.writeAuthorizationModel(engine.storeId, body, HTTP);
    return modelId;
  });
}

/** Whether the store still has the model; a store that is gone has none. */
export async function hasModel(
  engine: EngineAddress & { readonly storeId: string },
  modelId: string,
): Promise<boolean> {
  const api = createEngineApi(engine);
  return await translated(async () => {
    try {
      await api.readAuthorizationModel(engine.storeId, modelId, HTTP);
      return true;
    } catch (error) {
      if (error instanceof Error && 'statusCode' in error && (error.statusCode === 404 || error.statusCode === 400)) {
        return false;
      }
      throw error;
    }
  });
}

/** What a look at the store says: whether it is there, whether we may look, and whether TLS vouches for who answers. */
export async function askStore(
  engine: EngineAddress & { readonly storeId: string },
): Promise<'there' | 'absent' | 'refused' | 'distrusted' | 'unreachable'> {
  try {
    await createEngineApi(engine).getStore(engine.storeId, { ...HTTP, timeout: 3_000 });
    return 'there';
  } catch (error) {
    const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
    if (status === 404) return 'absent';
    if (status === 401 || status === 403) return 'refused';
    return status === undefined && tlsFaultOf(error) !== undefined ? 'distrusted' : 'unreachable';
  }
}

/** A look at whether the engine says that it serves; false too where nothing answers within `timeoutMs`. */
export function createEngineLook(engine: EngineAddress): (timeoutMs: number) => Promise<boolean> {
  const http = createEngineHttp(engine);
  return async (timeoutMs) => {
    try {
      const body = await http.get('/healthz', { signal: AbortSignal.timeout(timeoutMs) });
      return 'status' in body && body.status === 'SERVING';
    } catch {
      return false;
    }
  };
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw engineErrorOf(error, { isWrite: true, wasStopped: false });
  }
}

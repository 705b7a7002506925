import type { Part } from '../shared/part.js';
import type { DataPlace, Environment } from './paths.js';
import type { Progress } from './progress.js';

/** The engine's login role and its database: the rules for connections let that role into no other. */
export const ENGINE_ROLE = 'openfga';

export interface StackOptions {
  /** Undefined takes `BAILIWICK_DATA_DIR`, else the project's own. */
  readonly dataDir?: string | undefined;
  /** Ports of 127.0.0.1 to prefer to those used last; where they are taken, the next free ones. */
  readonly ports?: { readonly postgres?: number; readonly engine?: number };
  readonly progress?: Progress;
  /** False leaves the disk its time, so a crash of the machine (not of a process) loses data: for tests. */
  readonly durable?: boolean;
  readonly env?: Environment;
  /** A preshared key for the engine; without one, whoever reaches its port on this machine may use it. */
  readonly engineKey?: string;
  /** Gives up a start that is under way; a running stack is ended by `stop`. */
  readonly signal?: AbortSignal;
  /** Hears when a server ends although nobody here asked for it. */
  readonly onUnexpectedEnd?: (server: 'postgres' | 'engine', how: string) => void;
}

export interface StackPostgres {
  readonly port: number;
  readonly superuser: string;
  readonly password: string;
  readonly pid: number;
  /** A connection URL; the superuser's unless another user is named, with the password that goes with it. */
  url(database: string, user?: string, password?: string): string;
}

export interface StackEngine {
  readonly url: string;
  /** Undefined when `BAILIWICK_OPENFGA_URL` names a server that is not ours. */
  readonly pid: number | undefined;
}

/** A server of the stack: a part that can be started again and killed. */
export interface StackServer<View> extends Part {
  readonly view: View;
  restart(): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** The options with their defaults filled in, and where the data is. */
export interface StackContext extends StackOptions {
  readonly env: Environment;
  readonly place: DataPlace;
  readonly progress: Progress;
  readonly durable: boolean;
}

/**
 * Hears `notify` on a connection of its own.
 *
 * A notice is a wake-up and no message: it may be lost with the connection, so whoever listens looks by itself too. A
 * connection that breaks is made again every second, and `wake` is called once it stands: something may have been missed.
 */
import pg from 'pg';

import type { Part } from '../shared/part.js';
import type { PoolOptions } from './postgres.js';
import { explainDatabaseTls } from './tls-refusal.js';

export interface ListenerOptions extends Pick<PoolOptions, 'url' | 'applicationName'> {
  readonly channel: string;
  readonly wake: () => void;
  readonly onLost: (error: Error) => void;
}

const AGAIN_MS = 1_000;

/** Makes the part. `start` does not wait for the connection. */
export function createListener({ url, applicationName, channel, wake, onLost }: ListenerOptions): Part {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isRunning = false;

  async function connect(): Promise<void> {
    const made = new pg.Client({
      ...(url === undefined ? {} : { connectionString: url }),
      application_name: applicationName,
      connectionTimeoutMillis: 2_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
    });
    client = made;
    let isOver = false;
    const end = (error: Error): void => {
      if (isOver) return;
      isOver = true;
      void made.end().catch(() => undefined);
      if (!isRunning) return;
      onLost(error);
      timer = setTimeout(() => void connect(), AGAIN_MS);
    };
    made.on('error', end);
    made.on('end', () => end(new Error('the connection that listens has ended')));
    made.on('notification', wake);
    try {
      await made.connect();
      await made.query(`listen ${pg.escapeIdentifier(channel)}`);
      wake();
    } catch (thrown) {
      const error = explainDatabaseTls(thrown);
      end(error instanceof Error ? error : new Error('cannot listen', { cause: error }));
    }
  }

  return {
    name: 'listener',
    start() {
      isRunning = true;
      void connect();
      return Promise.resolve();
    },
    async stop() {
      isRunning = false;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}

/**
 * Addresses of the console: the part after `/console`, as a path and a query that screens read and change.
 *
 * Everything that a screen shows for longer than a moment stands in the address, so that it can be sent to a colleague.
 * A screen with unsaved work sets a guard, which is asked before another screen takes its place.
 */
import { useSyncExternalStore } from 'react';

const BASE = '/console';

export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Resolves to whether the place may be left. */
type Guard = () => Promise<boolean>;

const listeners = new Set<() => void>();
let place = read();
let guard: Guard | undefined;

function read(): Place {
  const { pathname, search } = window.location;
  const path = pathname.startsWith(BASE) ? pathname.slice(BASE.length) : pathname;
  return { path: path === '' ? '/' : path, query: new URLSearchParams(search) };
}

function announce(): void {
  place = read();
  for (const listener of listeners) listener();
}

window.addEventListener('popstate', () => {
  void leave().then((may) => {
    if (may) announce();
    // The address has moved on already: put the one that is shown back.
    else window.history.pushState(null, '', hrefOf(addressOf(place)));
  });
});
window.addEventListener('beforeunload', (event) => {
  if (guard !== undefined) event.preventDefault();
});

const addressOf = ({ path, query }: Place): string => (query.size === 0 ? path : `${path}?${query.toString()}`);

async function leave(): Promise<boolean> {
  return guard === undefined || (await guard());
}

/** What a link's `href` says. */
export const hrefOf = (to: string): string => `${BASE}${to}`;

/** Goes to another screen; false where there is unsaved work and the person stays with it. */
export async function navigate(to: string, { replace = false }: { replace?: boolean } = {}): Promise<boolean> {
  if (!(await leave())) return false;
  guard = undefined;
  if (replace) window.history.replaceState(null, '', hrefOf(to));
  else window.history.pushState(null, '', hrefOf(to));
  announce();
  return true;
}

/** Changes the query of the screen that is shown; undefined and empty take a name out. */
export function setQuery(change: Readonly<Record<string, string | undefined>>): void {
  const query = new URLSearchParams(place.query);
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined || value === '') query.delete(name);
    else query.set(name, value);
  }
  window.history.replaceState(null, '', hrefOf(addressOf({ path: place.path, query })));
  announce();
}

/** Sets the guard of the screen that is shown; undefined takes it away. */
export function guardPlace(next: Guard | undefined): void {
  guard = next;
}

export function usePlace(): Place {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => place,
  );
}

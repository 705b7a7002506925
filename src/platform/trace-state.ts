import type { TraceState } from '@opentelemetry/api';

/** As W3C Trace Context (level 2) has a member of `tracestate`: a key, and a value that does not end in a space. */
const MEMBER = /^([a-z0-9][a-z0-9_\-*/@]{0,255})=([ -+\--<>-~]{0,255}[!-+\--<>-~])$/;
const MAX_MEMBERS = 32;
/** What everybody who passes it on has to be able to. */
const MAX_LENGTH = 512;

/** What a `tracestate` says; undefined where it says nothing, or any of it is not of the form. */
export function readTraceState(sent: string): TraceState | undefined {
  if (sent.length > MAX_LENGTH) return undefined;
  const members = new Map<string, string>();
  // Members may be empty, and may have white space around them.
  for (const text of sent.split(',').map((part) => part.replace(/^[ \t]+|[ \t]+$/g, ''))) {
    if (text === '') continue;
    const [, key, value = ''] = MEMBER.exec(text) ?? [];
    if (key === undefined || members.has(key)) return undefined;
    members.set(key, value);
  }
  return members.size === 0 || members.size > MAX_MEMBERS ? undefined : traceStateOf(members);
}

/** As the API has it: nothing is changed in place, and what was set last comes first. */
function traceStateOf(members: ReadonlyMap<string, string>): TraceState {
  const without = (key: string): (readonly [string, string])[] => [...members].filter(([name]) => name !== key);
  return {
    get: (key) => members.get(key),
    set: (key, value) => traceStateOf(new Map([[key, value], ...without(key)])),
    unset: (key) => traceStateOf(new Map(without(key))),
    serialize: () => [...members].map(([key, value]) => `${key}=${value}`).join(','),
  };
}

import { TraceFlags } from '@opentelemetry/api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { isSampled, readTraceContext, traceHeaders } from '../../src/platform/trace-context.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const read = (traceparent: string, tracestate?: string) => readTraceContext({ traceparent, tracestate });

test.each([
  { what: 'sampled', sent: `00-${TRACE}-${SPAN}-01`, flags: 1 },
  { what: 'not sampled', sent: `00-${TRACE}-${SPAN}-00`, flags: 0 },
  { what: 'of a random id', sent: `00-${TRACE}-${SPAN}-03`, flags: 3 },
  { what: 'with flags that nobody knows', sent: `00-${TRACE}-${SPAN}-fd`, flags: 1 },
  { what: 'of a later version', sent: `cc-${TRACE}-${SPAN}-03`, flags: 1 },
  { what: 'of a later version with more in it', sent: `01-${TRACE}-${SPAN}-01-what-ever`, flags: 1 },
])('a traceparent that is $what is read', ({ sent, flags }) => {
  const found = read(sent);
  expect(found).toEqual({ traceId: TRACE, spanId: SPAN, traceFlags: flags, isRemote: true });
  expect(found && isSampled(found)).toBe((flags & TraceFlags.SAMPLED) === 1);
});

test.each([
  ['nothing', ''],
  ['words', 'hello'],
  ['a version that is forbidden', `ff-${TRACE}-${SPAN}-01`],
  ['more than its version has', `00-${TRACE}-${SPAN}-01-00`],
  ['another end of a later version', `01-${TRACE}-${SPAN}-01.00`],
  ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['no trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['no parent', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['a trace too short', `00-${TRACE.slice(1)}-${SPAN}-01`],
  ['a trace too long', `00-${TRACE}0-${SPAN}-01`],
  ['a parent too short', `00-${TRACE}-${SPAN.slice(1)}-01`],
  ['one flag', `00-${TRACE}-${SPAN}-1`],
  ['no flags', `00-${TRACE}-${SPAN}`],
  ['no version', `${TRACE}-${SPAN}-01`],
  ['white space', ` 00-${TRACE}-${SPAN}-01`],
  ['a second one', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
  ['a second line', `00-${TRACE}-${SPAN}-01\n`],
])('a traceparent of %s is none', (_, sent) => {
  expect(read(sent, 'a=1')).toBeUndefined();
});

test('headers that were not sent, or sent as a list, are none', () => {
  const traceparent = `00-${TRACE}-${SPAN}-01`;
  expect(readTraceContext({ traceparent: undefined, tracestate: 'a=1' })).toBeUndefined();
  expect(readTraceContext({ traceparent: [traceparent], tracestate: undefined })).toBeUndefined();
});

test('what is not of the form in every letter is none, whatever is sent', () => {
  const valid = `00-${TRACE}-${SPAN}-01`;
  const changed = fc.tuple(fc.nat(valid.length - 1), fc.string({ minLength: 1, maxLength: 3 }));
  fc.assert(
    fc.property(changed, ([at, text]) => {
      const sent = valid.slice(0, at) + text + valid.slice(at + 1);
      const found = read(sent);
      if (found === undefined) return;
      expect(sent).toMatch(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}($|-)/);
      expect(sent).not.toMatch(/^ff|^00.*-.*-.*-.*-/);
    }),
  );
});

describe('a tracestate', () => {
  const sentOn = (tracestate: string): string | undefined => {
    const found = read(`00-${TRACE}-${SPAN}-01`, tracestate);
    return found && traceHeaders(found)['tracestate'];
  };

  test.each([
    ['one member', 'congo=t61rcWkgMzE', 'congo=t61rcWkgMzE'],
    ['several, in their order', 'rojo=00f067aa0ba902b7,congo=t61', 'rojo=00f067aa0ba902b7,congo=t61'],
    ['a tenant’s', 'fw529a3039@dt=FfMd;a:1', 'fw529a3039@dt=FfMd;a:1'],
    ['spaces between, and empty members', 'a=1 ,\t b=2,,', 'a=1,b=2'],
    ['a value with a space in it', 'a=x y', 'a=x y'],
    ['32 members', Array.from({ length: 32 }, (_, at) => `k${at}=v`).join(','), undefined],
  ])('of %s is passed on', (_, sent, wanted = sent) => {
    expect(sentOn(sent)).toBe(wanted);
  });

  test.each([
    ['no members', ', ,'],
    ['a word', 'congo'],
    ['no value', 'a='],
    ['a key in capitals', 'Congo=1'],
    ['a key too long', `${'k'.repeat(257)}=1`],
    ['a value with an equals sign', 'a=1=2'],
    ['a value of other letters', 'a=ä'],
    ['a control character', 'a=1\u0007'],
    ['a line’s end', 'a=1\r\nx-evil: 1'],
    ['a key twice', 'a=1,b=2,a=3'],
    ['33 members', Array.from({ length: 33 }, (_, at) => `k${at}=v`).join(',')],
    ['more than 512 letters', `a=${'x'.repeat(250)},b=${'x'.repeat(250)},c=${'x'.repeat(20)}`],
    ['one bad member among good ones', 'a=1,B=2'],
  ])('of %s is left out, and the trace goes on', (_, sent) => {
    expect(sentOn(sent)).toBeUndefined();
    expect(read(`00-${TRACE}-${SPAN}-01`, sent)?.traceId).toBe(TRACE);
  });

  test('is changed as an SDK changes it: what was set last comes first', () => {
    const state = read(`00-${TRACE}-${SPAN}-01`, 'a=1,b=2')?.traceState;
    expect(state?.get('b')).toBe('2');
    expect(state?.set('b', '3').serialize()).toBe('b=3,a=1');
    expect(state?.unset('a').serialize()).toBe('b=2');
    expect(state?.serialize()).toBe('a=1,b=2');
  });
});

test('what is passed on says what was understood, and nothing else', () => {
  const found = read(`cc-${TRACE}-${SPAN}-ff-secret`, 'a=1');
  expect(found && traceHeaders(found)).toEqual({ traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'a=1' });
});

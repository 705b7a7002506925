/** Sets the clock of a process ahead by CLOCK_AHEAD_MS, before anything else of it runs (`node --import`). */
const aheadMs = Number(process.env['CLOCK_AHEAD_MS'] ?? 0);
const ownNow = Date.now.bind(Date);
const now = () => ownNow() + aheadMs;
/** @type {(target: Function, args: unknown[], newTarget: Function) => object} */
const construct = Reflect.construct;
/** @type {(target: object, key: string | symbol, receiver: unknown) => unknown} */
const get = Reflect.get;
globalThis.Date = new Proxy(Date, {
  construct: (target, args, newTarget) => construct(target, args.length === 0 ? [now()] : args, newTarget),
  get: (target, key, receiver) => (key === 'now' ? now : get(target, key, receiver)),
});

/** Sets the clock of a process ahead by CLOCK_AHEAD_MS, before anything else of it runs (`node --import`). */
const aheadMs = Number(process.env['CLOCK_AHEAD_MS'] ?? 0);
const ownNow = Date.now.bind(Date);
const now = () => ownNow() + aheadMs;
globalThis.Date = new Proxy(Date, {
  construct(target, args, newTarget) {
    /** @type {object} */
    const made = Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget);
    return made;
  },
  get(target, key, receiver) {
    /** @type {unknown} */
    const found = key === 'now' ? now : Reflect.get(target, key, receiver);
    return found;
  },
});

/**
 * The words of the console. Every sentence is in a catalogue under a key, with places for what differs (`{name}`); a key
 * that counts has a form for one and one for others, chosen as the language asks.
 */
import { auditTexts } from './en-audit.js';
import { commonTexts } from './en-common.js';
import { platformTexts } from './en-platform.js';
import { rbacTexts } from './en-rbac.js';
import { requestsTexts } from './en-requests.js';
import { usersTexts } from './en-users.js';

const LANGUAGE = 'en';
const catalogue = { ...commonTexts, ...rbacTexts, ...usersTexts, ...auditTexts, ...platformTexts, ...requestsTexts };
const plural = new Intl.PluralRules(LANGUAGE);

type Entry = keyof typeof catalogue;
/** `x` for the entries `x.one` and `x.other`. */
type Counted = { [E in Entry]: E extends `${infer Name}.other` ? Name : never }[Entry];
export type TextKey = Entry | Counted;

type Values = Readonly<Record<string, string | number>>;

const entries: Readonly<Record<string, string>> = catalogue;

/** The sentence of a key; `values.count` chooses the form where there are two. */
export function t(key: TextKey, values: Values = {}): string {
  const count = values['count'];
  const form = typeof count === 'number' ? entries[`${key}.${plural.select(count)}`] : undefined;
  const sentence = form ?? entries[key] ?? entries[`${key}.other`] ?? key;
  return sentence.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    return typeof value === 'number' ? value.toLocaleString(LANGUAGE) : (value ?? '');
  });
}

/** The sentence of a key that is put together at run time; undefined where the catalogue has none. */
export function found(key: string): string | undefined {
  return entries[key];
}

/**
 * Which passwords a person may choose: NIST 800-63B-4, for a password that stands alone.
 *
 * Long, any character, no composition rules and no expiry; but none that is guessed first. At fifteen characters a list
 * alone catches little, so its plain variations count too: a common word with figures around it, anything repeated, a
 * run along the alphabet or a keyboard, and the names of the tenant and of the person with little else.
 * Pure; tests/unit/password-rules.test.ts.
 */

export const PASSWORD_LENGTH = { min: 15, max: 128 } as const;

/** What a guesser knows about the person and the place. */
export interface PasswordContext {
  readonly email: string;
  readonly displayName: string;
  /** Slug and name; left out for platform users. */
  readonly tenantNames: readonly string[];
}

/** Says what is wrong with a password; undefined where it may be chosen. */
export type JudgePassword = (password: string, context: PasswordContext) => string | undefined;

const RUNS = [
  'abcdefghijklmnopqrstuvwxyz',
  '0123456789',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjklyxcvbnm',
  'azertyuiopqsdfghjklmwxcvbn',
  '1234567890qwertyuiop',
  'qazwsxedcrfvtgbyhnujmikolp',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
];
const FORWARD = RUNS.map((run) => run + run + run + run);
const BOTH_WAYS = [...FORWARD, ...FORWARD.map((run) => Array.from(run).reverse().join(''))];
/** A pattern this short says nothing, however often. */
const SHORT_PATTERN = 8;
/** What must be left beside the names of the person and the place. */
const BESIDE_NAMES = 8;
const SHORT_NAME = 4;
/** Figures and signs that stand for letters. */
const LEET: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'l',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};

/** What is typed is one text, however its accents are put together. */
export function normalPassword(password: string): string {
  return password.normalize('NFC');
}

/** Makes the judge over a list of common passwords, lower case, one a line; lines with `# ` are comments. */
export function createPasswordJudge(list: string): JudgePassword {
  const common = new Set(list.split('\n').filter((line) => line !== '' && !line.startsWith('# ') && line !== '#'));
  if (common.size < 3_000) throw new Error('the list of common passwords is not complete');
  return (password, context) => {
    const text = normalPassword(password);
    const { length } = Array.from(text);
    if (length < PASSWORD_LENGTH.min) return `must have at least ${PASSWORD_LENGTH.min} characters`;
    if (length > PASSWORD_LENGTH.max) return `must have at most ${PASSWORD_LENGTH.max} characters`;
    const folded = text.normalize('NFKC').toLowerCase();
    if (isCommon(folded, common)) return 'is among the passwords that are guessed first';
    if (isRepetition(folded)) return 'repeats itself';
    if (isRun(folded)) return 'runs along the alphabet or the keyboard';
    if (isAboutNames(folded, context)) return 'is little more than the names of the person or the place';
    return undefined;
  };
}

/** The list's own, and its words with figures and signs around them, letters written as figures, or said twice. */
function isCommon(folded: string, common: ReadonlySet<string>): boolean {
  const bare = folded.replaceAll(/[\s_.-]+/g, '');
  const letters = trimmed(bare);
  return [folded, bare, letters, unleet(bare), trimmed(unleet(letters)), unleet(letters)].some(
    (form) => common.has(form) || common.has(patternOf(form)),
  );
}

/** Without the figures and signs at both ends. */
function trimmed(text: string): string {
  return text.replace(/^[^\p{L}]+/u, '').replace(/[^\p{L}]+$/u, '');
}

function unleet(text: string): string {
  return text.replaceAll(/[013457@$!]/g, (sign) => LEET[sign] ?? sign);
}

/** The shortest text that gives this one when said again and again; itself where there is none. */
function patternOf(text: string): string {
  for (let size = 1; size <= text.length / 2; size += 1) {
    const pattern = text.slice(0, size);
    if (pattern.repeat(Math.ceil(text.length / size)).startsWith(text)) return pattern;
  }
  return text;
}

function isRepetition(folded: string): boolean {
  const pattern = patternOf(folded);
  return (pattern !== folded && pattern.length <= SHORT_PATTERN) || new Set(folded).size <= 4;
}

function isRun(folded: string): boolean {
  const bare = folded.replaceAll(/[\s_.-]+/g, '');
  return BOTH_WAYS.some((run) => run.includes(bare));
}

function isAboutNames(folded: string, { email, displayName, tenantNames }: PasswordContext): boolean {
  const names = [email, displayName, ...tenantNames]
    .flatMap((name) => [name, ...name.split(/[^\p{L}\p{N}]+/u)])
    .map((name) => name.normalize('NFKC').toLowerCase())
    .filter((name) => name.length >= SHORT_NAME)
    .sort((a, b) => b.length - a.length);
  const left = names.reduce((text, name) => text.replaceAll(name, ''), folded);
  return left !== folded && left.replaceAll(/[\s\d\p{P}\p{S}]+/gu, '').length < BESIDE_NAMES;
}

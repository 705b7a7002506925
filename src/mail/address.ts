/** What may stand in a header or an envelope, whoever chose it. */

/** One address: no white space, no control or invisible characters, none that an address list gives a meaning. */
const ADDRESS = /^[^\s@<>()[\],;:\\"\p{C}]{1,64}@[^\s@<>()[\],;:\\"\p{C}]{1,189}$/u;
/** Characters that end a line, or that change how the text around them is shown. */
const UNSHOWABLE = /[\p{C}\p{Zl}\p{Zp}]+/gu;

/** Whether a mail can be sent to, or from, the text; letters of any script may be in it. */
export function isMailAddress(text: string): boolean {
  return ADDRESS.test(text);
}

/** The text as one line of at most `max` characters: nothing in it starts a header, a paragraph or a right-to-left run. */
export function oneLine(text: string, max: number): string {
  return Array.from(text.replaceAll(UNSHOWABLE, ' ').trim()).slice(0, max).join('');
}

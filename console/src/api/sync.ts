/** The sync token of the last write of this tab: what reads right after it sends it along, and is not older. */
let last: string | undefined;

export function rememberSyncToken(token: string): void {
  last = token;
}

/** As the header of a read that takes one. */
export const syncHeader = (): { 'x-sync-token'?: string } => (last === undefined ? {} : { 'x-sync-token': last });

export function forgetSyncToken(): void {
  last = undefined;
}

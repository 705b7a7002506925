/** The time that an assignment holds in. */
export interface TimeWindow {
  /** Null is unbounded, here and below. */
  readonly validFrom: string | null;
  readonly expiresAt: string | null;
}

export const hasBegun = ({ validFrom }: TimeWindow): boolean =>
  validFrom === null || Date.parse(validFrom) <= Date.now();

/** The fields of a call that say when: one that is left out is unbounded, whatever stood before. */
export const windowBody = ({ validFrom, expiresAt }: TimeWindow): { validFrom?: string; expiresAt?: string } => ({
  ...(validFrom === null ? {} : { validFrom }),
  ...(expiresAt === null ? {} : { expiresAt }),
});

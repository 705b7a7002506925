/**
 * What the client throws, always: no answer was had. It is neither an allow nor a denial.
 *
 * `code` is the service's own (`ENGINE_UNAVAILABLE`, `SYNC_LAG`, `INVALID_REQUEST` …) where it answered, or one of ours:
 * `UNREACHABLE` (no connection, or it broke), `TIMED_OUT` (the time of the call is over), `ABORTED` (the caller's signal),
 * `BAD_ANSWER` (something answered that is not Bailiwick, or not as its contract says).
 */
export class BailiwickError extends Error {
  readonly code: string;
  /** Of the HTTP answer, where there was one. */
  readonly status: number | undefined;
  /** Says to the service's log which request it was. */
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** The fields that the service finds at fault, of `INVALID_REQUEST`. */
  readonly fields: readonly string[];

  constructor(
    code: string,
    detail: string,
    more: {
      readonly status?: number | undefined;
      readonly requestId?: string | undefined;
      readonly retryAfterSeconds?: number | undefined;
      readonly fields?: readonly string[];
      readonly cause?: unknown;
    } = {},
  ) {
    super(detail, { cause: more.cause });
    this.name = 'BailiwickError';
    this.code = code;
    this.status = more.status;
    this.requestId = more.requestId;
    this.retryAfterSeconds = more.retryAfterSeconds;
    this.fields = more.fields ?? [];
  }
}

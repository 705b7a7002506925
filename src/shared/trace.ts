/** Where a request stands in its caller's trace (W3C Trace Context), as far as whoever works for it has to know. */
export interface Trace {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** Whether the trace is kept somewhere, so that it is worth pointing to. */
  readonly isSampled: boolean;
  /** Begins a call to another server that is made for the request. */
  startCall(call: OutgoingCall): TracedCall;
}

/** A call as its span shows it: no ids of users, tenants or objects. */
export interface OutgoingCall {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number>>;
}

export interface TracedCall {
  /** What the call carries, so that the other server is part of the same trace. */
  readonly headers: Readonly<Record<string, string>>;
  /** Runs `work` so that whoever looks for the span under way finds this one. */
  run<T>(work: () => T): T;
  /** The call is over, with the status that was answered, if any, and the kind of its failure, if it was one. */
  end(outcome: { readonly status: number | undefined; readonly failure?: string }): void;
}

/** Who is asking, as established from a verified credential. */
export type Caller =
  | {
      /** A person, by Bearer token or by headers from a trusted caller. */
      readonly kind: 'user';
      readonly actorUserId: string;
      /** The tenant that the credential speaks for; undefined where it names none. */
      readonly tenantId: string | undefined;
      readonly via: 'token' | 'headers';
      /** The impersonation that a platform admin names; whether it is active is looked at where it counts. */
      readonly impersonationId?: string;
      /** Of a token that we issued: its session, which stands. */
      readonly sessionId?: string;
      /** Nothing but the change of the password is open to them. */
      readonly mustChangePassword?: boolean;
    }
  | {
      /** A backend with a service key of scope `decide`. */
      readonly kind: 'service';
      readonly serviceKeyId: string;
      /** The one tenant that the key may ask about; undefined: all. */
      readonly tenantId: string | undefined;
    };

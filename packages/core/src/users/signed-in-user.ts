/** The user whose connection it is, as the application has vouched for it. */
export interface SignedInUser {
  readonly id: string;
  /** JSON text of at most 1,024 bytes; null for nothing. */
  readonly info: string | null;
}

/** A sign-in, checked in form. */
export interface SignIn {
  /** `APP_KEY:SIGNATURE`, as the application's auth endpoint answered. */
  readonly token: string;
  /** What was signed, exactly as it was sent. */
  readonly data: string;
  /** What stands in `data`. */
  readonly user: SignedInUser;
}

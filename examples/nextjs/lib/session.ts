/** A stub: whoever says a name is that user. Put your own session here, one that can't be forged. */
export const SESSION_COOKIE = "user";

/** The id of the user who is signed in; null: nobody is. */
export function userOf(cookies: { get(name: string): { value: string } | undefined }): string | null {
  const user = cookies.get(SESSION_COOKIE)?.value ?? "";
  return /^[a-z0-9]{1,40}$/.test(user) ? user : null;
}

/**
 * Calls `wake` when the device is online again (`isOnline`: perhaps over another network), or the page visible again. Answers the act
 * that ends it. Elsewhere: nothing.
 */
export function onWake(wake: (isOnline: boolean) => void): () => void {
  const scope = globalThis as Partial<Pick<Window, "addEventListener" | "removeEventListener" | "document">>;
  if (scope.addEventListener === undefined) return () => undefined;
  const onVisible = () => {
    if (scope.document?.visibilityState === "visible") wake(false);
  };
  const onOnline = () => wake(true);
  scope.addEventListener("online", onOnline);
  scope.document?.addEventListener("visibilitychange", onVisible);
  return () => {
    scope.removeEventListener?.("online", onOnline);
    scope.document?.removeEventListener("visibilitychange", onVisible);
  };
}

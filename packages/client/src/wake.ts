/** Calls `wake` when the device is online again, or the page visible again. Answers the act that ends it. Elsewhere: nothing. */
export function onWake(wake: () => void): () => void {
  const scope = globalThis as Partial<Pick<Window, "addEventListener" | "removeEventListener" | "document">>;
  if (scope.addEventListener === undefined) return () => undefined;
  const onVisible = () => {
    if (scope.document?.visibilityState === "visible") wake();
  };
  scope.addEventListener("online", wake);
  scope.document?.addEventListener("visibilitychange", onVisible);
  return () => {
    scope.removeEventListener?.("online", wake);
    scope.document?.removeEventListener("visibilitychange", onVisible);
  };
}

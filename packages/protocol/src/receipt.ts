/**
 * How a message id is written in frames that want a receipt: percent-encoded, so that any id (the caller's own may have any
 * characters) is plain ASCII in every form of the protocol. Half surrogate pairs, which no accepted id has, become U+FFFD.
 */
export function receiptOf(messageId: string): string {
  return encodeURIComponent(messageId.replace(/\p{Surrogate}/gu, "\ufffd"));
}

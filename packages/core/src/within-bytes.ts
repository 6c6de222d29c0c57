/** The first of these publications, as many as have `maxBytes` of envelopes together; the very first one in any case. Absent: all. */
export function withinBytes<Publication extends { readonly envelope: Uint8Array }>(
  publications: readonly Publication[],
  maxBytes: number | undefined,
): readonly Publication[] {
  if (maxBytes === undefined) return publications;
  let bytes = 0;
  const end = publications.findIndex(({ envelope }, index) => {
    bytes += envelope.length;
    return bytes > maxBytes && index > 0;
  });
  return end === -1 ? publications : publications.slice(0, end);
}

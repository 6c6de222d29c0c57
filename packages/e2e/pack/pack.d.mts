/** What npm says of a packed package. Sizes in bytes. */
export interface Packed {
  readonly tarball: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly string[];
}

/** Packs a package of the folder below packages/ as it is published. */
export function pack(folder: string, into: string): Promise<Packed>;

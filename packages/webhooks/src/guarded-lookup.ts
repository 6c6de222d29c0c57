import { type LookupAddress, lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { isAddress, isPublicAddress } from "@carillon/service";

/** The endpoint is at an address that it may not be at. */
export class AddressRefusedError extends Error {
  override readonly name = "AddressRefusedError";

  constructor() {
    super("the endpoint is at an address that is not public: set allowPrivateNetwork where that is meant");
  }
}

/** Resolves a name; as `dns.lookup` with `all`, so that tests can own the names. */
export type ResolveAll = (
  host: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

const systemResolve: ResolveAll = (host, callback) => lookup(host, { all: true }, callback);

/** Throws {@link AddressRefusedError} when the host of a URL is itself an address that is not public. */
export function assertPublicHost(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isAddress(host) && !isPublicAddress(host)) throw new AddressRefusedError();
}

/**
 * A `lookup` for connections that fails for names which resolve to any address that is not public. The addresses that it
 * hands out are those that are connected to, so a name can't show one and lead to another.
 */
export function guardedLookup(resolve: ResolveAll = systemResolve): LookupFunction {
  return (host, options, callback) => {
    resolve(host, (error, addresses) => {
      if (error !== null) return callback(error, "");
      const wanted = addresses.filter(({ family }) => [0, family].includes(Number(options.family ?? 0)));
      const [first] = wanted;
      if (first === undefined) return callback(new Error(`${host} has no address`), "");
      if (!addresses.every(({ address }) => isPublicAddress(address))) return callback(new AddressRefusedError(), "");
      if (options.all === true) callback(null, [...wanted]);
      else callback(null, first.address, first.family);
    });
  };
}

import { describeUwsBinary, type UwsBinary, UwsUnavailableError } from "./uws.ts";
import { UWS_MANIFEST, type UwsManifest } from "./uws-manifest.ts";

/** How this process's uWebSockets.js binary compares with the pinned ones. `message` is for the operator. */
export type UwsBinaryCheck =
  /** It is the pinned one. */
  | { readonly kind: "pinned"; readonly binary: UwsBinary; readonly message: string }
  /** There is a pin for a file of this name, and these bytes aren't it. Carillon wasn't tested with them; find out why. */
  | { readonly kind: "differs"; readonly binary: UwsBinary; readonly expectedSha256: string; readonly message: string }
  /** No pin for this platform or Node version: it may work, untested. */
  | { readonly kind: "unlisted"; readonly binary: UwsBinary; readonly message: string }
  /** It doesn't load: nothing can be served. */
  | { readonly kind: "unavailable"; readonly message: string };

/**
 * Compares the binary in use with the manifest. Reads and hashes some megabytes, so it is for start-up and diagnosis; call it
 * after the public server was made. Never throws for what is wrong with the binary.
 */
export function checkUwsBinary(manifest: UwsManifest = UWS_MANIFEST): UwsBinaryCheck {
  let binary: UwsBinary;
  try {
    binary = describeUwsBinary();
  } catch (error) {
    if (error instanceof UwsUnavailableError) return { kind: "unavailable", message: error.message };
    throw error;
  }
  const expectedSha256 = manifest.sha256[binary.file];
  const named = `${binary.file} (sha256 ${binary.sha256})`;
  if (expectedSha256 === undefined) {
    const message = `${named} is not among the tested binaries. Use Node 20, 22 or 24 on Linux x64 or arm64 in production.`;
    return { kind: "unlisted", binary, message };
  }
  if (expectedSha256 !== binary.sha256) {
    const message = `${named} is not the tested binary, whose sha256 is ${expectedSha256}. Install from the lockfile (npm ci).`;
    return { kind: "differs", binary, expectedSha256, message };
  }
  return {
    kind: "pinned",
    binary,
    message: `${binary.file} is the tested binary of ${manifest.package}@${manifest.version}.`,
  };
}

/** The binaries of uWebSockets.js that Carillon was tested with, by what their bytes hash to. */
export interface UwsManifest {
  /** The package in the lockfile, and its version. */
  readonly package: string;
  readonly version: string;
  /** What npm checks the package's archive against. */
  readonly integrity: string;
  /** Where the binaries come from, and how far that was checked. */
  readonly provenance: string;
  /** SHA-256 in hex, by file name. */
  readonly sha256: Readonly<Record<string, string>>;
}

/**
 * The pins. deploy/uws-manifest.json says the same for image builds, and a test keeps the two equal. They are kept in code as
 * well, so that an installed package can check its binary without a checkout.
 */
export const UWS_MANIFEST: UwsManifest = {
  package: "uwebsockets",
  version: "3.0.6",
  integrity: "sha512-0Nw22DDOd1YGnJ8/IHYVCDHZXAVqLnjBxktl2bSjcJRVcgasb2Zs8WCRhL41IydraLLq001c6ycHdIS+rEcAxw==",
  provenance:
    "A third party's repack of uNetworking's prebuilt binaries (Apache-2.0): pinned by hash, not yet compared with the " +
    "official release tags.",
  sha256: {
    "uws_linux_x64_115.node": "f4fa5d7b697529b45ac8aa3d57385d9af51bc1d2b26aa9f5b68ca4361542e665",
    "uws_linux_arm64_115.node": "034e0fcccdc08f90df3b130f421516311831b1352fe38eab91abc2984c2fdf3a",
    "uws_linux_x64_127.node": "78e38a9a163b1cf33ce539619e5908111dea95a12e7943d95fbcdd524879caa8",
    "uws_linux_arm64_127.node": "a7d9bc3ec166421a49416d5ea4f49118ae68ea1dbf8a765c4f45a79b0b6adb13",
    "uws_linux_x64_137.node": "3b549c14e01d9d1faf234cdf4b6f0fb08158605e3692cd0eb1b905e327bd3449",
    "uws_linux_arm64_137.node": "b6eb007d627e00bcce03ad38f197124e9027c03f6fe784b37f97b8a6ea709cb4",
  },
};

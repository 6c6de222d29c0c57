import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Core from "@carillon/core";
import type * as Gateway from "@carillon/gateway";
import type * as Protocol from "@carillon/protocol";
import type * as Msgpack from "@carillon/protocol/msgpack";
import type * as Pusher from "@carillon/protocol/pusher";
import type * as Publisher from "@carillon/publisher";
import type * as Service from "@carillon/service";

/**
 * The built packages of one checkout. Their types are those of this one: another version may lack some of it, and then throws where it
 * is used.
 */
export class Packages {
  readonly #require: NodeJS.Require;

  /** `root`: of the checkout, whose packages are built. */
  constructor(root: string) {
    this.#require = createRequire(join(root, "package.json"));
  }

  async core(): Promise<typeof Core> {
    return await this.#load<typeof Core>("@carillon/core");
  }

  async gateway(): Promise<typeof Gateway> {
    return await this.#load<typeof Gateway>("@carillon/gateway");
  }

  async msgpack(): Promise<typeof Msgpack> {
    return await this.#load<typeof Msgpack>("@carillon/protocol/msgpack");
  }

  async protocol(): Promise<typeof Protocol> {
    return await this.#load<typeof Protocol>("@carillon/protocol");
  }

  async publisher(): Promise<typeof Publisher> {
    return await this.#load<typeof Publisher>("@carillon/publisher");
  }

  async pusher(): Promise<typeof Pusher> {
    return await this.#load<typeof Pusher>("@carillon/protocol/pusher");
  }

  async service(): Promise<typeof Service> {
    return await this.#load<typeof Service>("@carillon/service");
  }

  async #load<Exports>(name: string): Promise<Exports> {
    // Resolved from the checkout's own node_modules, whose links lead to its own packages.
    return (await import(pathToFileURL(this.#require.resolve(name)).href)) as Exports;
  }
}

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, Page } from "playwright-core";
import type { Address, PusherApplication, Visitor } from "./pusher-app.ts";

const WEB_BUILD = createRequire(import.meta.url).resolve("pusher-js/dist/web/pusher-with-encryption.min.js");

/** Path of the page on its application's site, and of pusher-js' build for browsers. */
export const PAGE_PATH = "/page";
export const SCRIPT_PATH = "/pusher.js";

/** What the page shows in one line of its list. */
export interface Shown {
  readonly event: string;
  readonly data: unknown;
  /** Who sent it, where pusher-js says so. */
  readonly from?: string;
}

/** pusher-js as its package ships it for pages. */
export function webBuild(): Promise<string> {
  return readFile(WEB_BUILD, "utf8");
}

/** A page of an application that shows whatever pusher-js hears on it. */
export class PusherPage implements AsyncDisposable {
  readonly #context: BrowserContext;
  readonly #page: Page;
  /** What went wrong on the page, uncaught. */
  readonly errors: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.#page = page;
    page.on("pageerror", (error) => this.errors.push(String(error)));
  }

  /** Opens the page of `application` for a visitor, connected to `to`; resolves when pusher-js is connected. */
  static async open(
    browser: Browser,
    application: PusherApplication,
    { to, visitor }: { readonly to: Address; readonly visitor: Visitor },
  ): Promise<PusherPage> {
    const context = await browser.newContext();
    const page = new PusherPage(context, await context.newPage());
    const { port } = new URL(to.url);
    const query = new URLSearchParams({ port, visitor: JSON.stringify(visitor) });
    await page.#page.goto(`${application.url}${PAGE_PATH}?${query}`);
    await page.#page.locator("#state", { hasText: /^connected$/ }).waitFor({ timeout: 15_000 });
    return page;
  }

  /** Subscribes and shows everything that the channel's handlers hear. */
  async follow(channel: string): Promise<void> {
    await this.#run(`follow(${JSON.stringify(channel)})`);
  }

  /** Sends a client event. */
  async trigger(channel: string, event: string, data: unknown): Promise<void> {
    const args = [event, data].map((each) => JSON.stringify(each)).join(", ");
    await this.#run(`pusher.channel(${JSON.stringify(channel)}).trigger(${args})`);
  }

  /** Signs in, and shows what the user's handlers hear under the name `user`. */
  async signIn(): Promise<void> {
    await this.#run("signIn()");
  }

  /** The state of the connection as the page shows it. */
  async state(): Promise<string | null> {
    return this.#page.locator("#state").textContent();
  }

  /** The lines of a channel, in order; those of {@link signIn} by the name `user`. */
  async shown(channel: string): Promise<readonly Shown[]> {
    const texts = await this.#page.locator("#heard li").allTextContents();
    const lines = texts.map((text) => JSON.parse(text) as Shown & { readonly channel: string });
    return lines.filter((line) => line.channel === channel).map(({ channel: _, ...line }) => line);
  }

  /** What pusher-js says of the members of a presence channel. */
  async members(channel: string): Promise<unknown> {
    const members = `pusher.channel(${JSON.stringify(channel)}).members`;
    return this.#run(`(({ count, me, members }) => ({ count, me, members }))(${members})`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
  }

  #run(script: string): Promise<unknown> {
    return this.#page.evaluate(script);
  }
}

/** The page itself: nothing but pusher-js and a list of what it hears. */
export function pageHtml(key: string): string {
  return `<!doctype html><title>Pusher</title><p id="state"></p><ol id="heard"></ol>
<script src="${SCRIPT_PATH}"></script>
<script>
const { port, visitor } = Object.fromEntries(new URLSearchParams(location.search));
const endpoint = (path) => path + "?visitor=" + encodeURIComponent(visitor);
const pusher = new Pusher(${JSON.stringify(key)}, {
  cluster: "any", wsHost: "127.0.0.1", wsPort: Number(port), forceTLS: false, enabledTransports: ["ws"],
  channelAuthorization: { endpoint: endpoint("/pusher/auth") },
  userAuthentication: { endpoint: endpoint("/pusher/user-auth") },
});
const show = (line) => {
  const item = document.createElement("li");
  item.textContent = JSON.stringify(line);
  document.querySelector("#heard").append(item);
};
const showState = () => { document.querySelector("#state").textContent = pusher.connection.state; };
pusher.connection.bind("state_change", showState);
showState();
function follow(channel) {
  const subscription = pusher.subscribe(channel);
  subscription.unbind();
  subscription.bind_global((event, data) => {
    if (!event.startsWith("client-")) show({ channel, event, data });
  });
  subscription.bind("client-hi", (data, { user_id: from } = {}) => show({ channel, event: "client-hi", data, from }));
}
function signIn() {
  pusher.user.bind_global((event, data) => show({ channel: "user", event, data }));
  pusher.connection.bind("message", ({ event, data }) => {
    if (event === "pusher:signin_success") show({ channel: "user", event, data });
  });
  pusher.signin();
}
</script>`;
}

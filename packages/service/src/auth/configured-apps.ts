import { hash, randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { App, AppRegistry, AppSettings } from "@carillon/core";

/** What {@link ConfiguredApps} begins with. */
export interface ConfiguredAppsOptions {
  /** The apps in the order of the configuration; at least one, no id, key or publish secret twice. */
  readonly settings: readonly AppSettings[];
}

/** The configuration refuses longer ones, so nothing longer needs to be hashed. */
const MAX_PUBLISH_SECRET_CHARACTERS = 512;

class ConfiguredApp implements App {
  readonly id: string;
  #settings: AppSettings;

  constructor(settings: AppSettings) {
    this.id = settings.id;
    this.#settings = settings;
  }

  get settings(): AppSettings {
    return this.#settings;
  }

  /** True when the settings differ from the ones before. */
  replaceSettings(settings: AppSettings): boolean {
    if (isDeepStrictEqual(this.#settings, settings)) return false;
    this.#settings = settings;
    return true;
  }
}

/** The look-ups over one set of apps; built anew by each reload and put in place at once. */
interface Index {
  readonly first: ConfiguredApp;
  readonly byId: ReadonlyMap<string, ConfiguredApp>;
  readonly byKey: ReadonlyMap<string, ConfiguredApp>;
  readonly byPublishSecretDigest: ReadonlyMap<string, ConfiguredApp>;
  /** Secrets that were shown and were right, so that those who publish a lot are not hashed each time. */
  readonly byShownSecret: Map<string, ConfiguredApp>;
}

/** The apps of the configuration. An app keeps its {@link App} object, known by its id, over every reload. */
export class ConfiguredApps implements AppRegistry {
  /**
   * Publish secrets are looked up by their hash with this, which is random and never leaves the process: how long a look-up
   * takes then depends on bits that nobody outside can foresee, not on how much of a secret was right.
   */
  readonly #pepper = randomBytes(32).toString("base64");
  readonly #listeners = new Set<() => void>();
  #index: Index;

  constructor({ settings }: ConfiguredAppsOptions) {
    this.#index = this.#build(settings.map((each) => new ConfiguredApp(each)));
  }

  get all(): readonly App[] {
    return [...this.#index.byId.values()];
  }

  get first(): App {
    return this.#index.first;
  }

  byKey(key: string): App | null {
    return this.#index.byKey.get(key) ?? null;
  }

  byId(id: string): App | null {
    return this.#index.byId.get(id) ?? null;
  }

  byPublishSecret(secret: string): App | null {
    // A map compares what it is asked for only with a key of the same hash, and V8 seeds its hashes at random: as hard to foresee.
    const known = this.#index.byShownSecret.get(secret);
    if (known !== undefined) return known;
    if (secret.length > MAX_PUBLISH_SECRET_CHARACTERS) return null;
    const app = this.#index.byPublishSecretDigest.get(this.#digest(secret)) ?? null;
    if (app !== null) this.#index.byShownSecret.set(secret, app);
    return app;
  }

  onChange(listener: () => void): () => void {
    // Wrapped, so that one function given twice is called, and ended, on its own account.
    const entry = () => listener();
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  /**
   * Takes over new settings, all at once. Apps that are no longer there become disabled for whoever still holds them. Calls
   * the listeners when something changed. Throws a RangeError for an empty list: the configuration never has one.
   */
  reload(settings: readonly AppSettings[]): void {
    const before = this.#index;
    let hasChanged = settings.length !== before.byId.size || settings[0]?.id !== before.first.id;
    const updates = settings.map((each) => ({ each, app: before.byId.get(each.id) ?? new ConfiguredApp(each) }));
    const after = this.#build(
      updates.map(({ app }) => app),
      settings,
    );
    for (const { each, app } of updates) {
      if (app.replaceSettings(each) || before.byId.get(app.id) !== app) hasChanged = true;
    }
    for (const app of before.byId.values()) {
      if (!after.byId.has(app.id)) app.replaceSettings({ ...app.settings, enabled: false });
    }
    this.#index = after;
    if (hasChanged) for (const listener of [...this.#listeners]) listener();
  }

  #build(apps: readonly ConfiguredApp[], settings: readonly AppSettings[] = apps.map((app) => app.settings)): Index {
    const [first] = apps;
    if (first === undefined) throw new RangeError("there must be at least one app");
    const byId = new Map<string, ConfiguredApp>();
    const byKey = new Map<string, ConfiguredApp>();
    const byPublishSecretDigest = new Map<string, ConfiguredApp>();
    for (const [index, app] of apps.entries()) {
      const { key, publishSecret } = settings[index] ?? app.settings;
      byId.set(app.id, app);
      byKey.set(key, app);
      if (publishSecret !== null) byPublishSecretDigest.set(this.#digest(publishSecret), app);
    }
    return { first, byId, byKey, byPublishSecretDigest, byShownSecret: new Map() };
  }

  /** One call into OpenSSL: 0.4 µs for a short secret (measured), where a Hash object costs several times that. */
  #digest(secret: string): string {
    return hash("sha256", this.#pepper + secret, "base64");
  }
}

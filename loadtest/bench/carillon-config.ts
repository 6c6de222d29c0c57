/** The publish secret in {@link carillonConfig}. */
export const PUBLISH_SECRET = "guide-secret";

/** What differs between the Carillon contenders. */
interface CarillonConfigOptions {
  /** How a gateway tells the bus what it wants: each channel, or the partitions that its channels fall into. */
  readonly interest: "exact" | "partition";
}

/**
 * A carillon.yaml for the bench. What isn't named keeps its default, limits included: what is measured is what users run.
 */
export function carillonConfig({ interest }: CarillonConfigOptions): string {
  const config = {
    apps: [{ id: "1001", key: "app-key", secrets: ["app-secret"], publishSecret: PUBLISH_SECRET }],
    // The bench ends its clients before the servers, so there is nobody to wait for.
    gateway: { drain: { spreadSeconds: 0 } },
    nats: { interest },
  };
  // JSON is YAML.
  return `${JSON.stringify(config, null, 2)}\n`;
}

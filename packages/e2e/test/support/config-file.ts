import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const folders: string[] = [];

afterAll(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** The app of the guide, with the clients of a test allowed to hurry. */
export const GUIDE_CONFIG = `
apps:
  - id: "1001"
    key: app-key
    secrets: [app-secret]
    publishSecret: guide-secret
    limits: { commandsPerSecond: 0 }
gateway: { drain: { delaySeconds: 0, spreadSeconds: 1 } }
`;

/** Writes a configuration file that lives as long as the tests of this file. */
export async function writeConfig(yaml = GUIDE_CONFIG): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "carillon-e2e-"));
  folders.push(folder);
  const file = join(folder, "carillon.yaml");
  await writeFile(file, yaml);
  return file;
}

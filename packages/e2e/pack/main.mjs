/**
 * `make pack-test`: packs each public package, installs the tarball in an empty folder, and uses it as applications do:
 * by `import`, by `require`, through a bundler, in TypeScript with both of its module resolutions, and in other runtimes than
 * Node. publint and attw look at the tarball; sizes have limits.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { pack } from "./pack.mjs";
import { PUBLIC_PACKAGES } from "./public-packages.mjs";
import { testRuntimes } from "./runtimes.mjs";
import { testServers } from "./servers.mjs";
import { checkTarball, compile, gateSizes, install, run } from "./workshop.mjs";

async function importAndRequire({ name, check }, folder) {
  await writeFile(join(folder, "use.mjs"), `import * as sdk from "${name}";\n${check}\n`);
  await writeFile(join(folder, "use.cjs"), `const sdk = require("${name}");\n${check}\n`);
  for (const file of ["use.mjs", "use.cjs"]) await run(process.execPath, [file], folder);
}

/** `nodenext` twice: a file that imports, and one whose imports become `require`. */
async function compileEveryWay({ types }, folder) {
  const ways = [
    ["bundler", "esnext", "use.ts"],
    ["nodenext", "nodenext", "esm.mts"],
    ["nodenext", "nodenext", "cjs.cts"],
  ];
  for (const [moduleResolution, module, file] of ways) {
    await writeFile(join(folder, file), types);
    await compile({ folder, file, moduleResolution, module });
  }
}

/** Resolves with the size of an application's bundle that carries all of the package, minified and compressed. */
async function bundled({ name, check }, folder) {
  const entry = join(folder, "bundled.mjs");
  await writeFile(entry, `import * as sdk from "${name}";\nexport { sdk };\n${check}\n`);
  const bundle = await rolldown({ input: entry, platform: "browser", logLevel: "silent" });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  await bundle.close();
  await writeFile(join(folder, "bundle.mjs"), output[0].code);
  await run(process.execPath, ["bundle.mjs"], folder);
  return gzipSync(output[0].code).length;
}

async function test(entry, into) {
  const packed = await pack(entry.folder, into);
  await checkTarball(packed, entry);
  const { needs = [], peers = [] } = entry;
  const others = [];
  for (const each of needs) others.push((await pack(each, into)).tarball);
  const folder = await install([packed.tarball, ...others, ...peers], into);
  await importAndRequire(entry, folder);
  await compileEveryWay(entry, folder);
  gateSizes(entry, { tarball: packed.size, unpacked: packed.unpackedSize, minified: await bundled(entry, folder) });
  return "packed, installed, used by import, require, bundler and TypeScript";
}

const tests = [
  ...PUBLIC_PACKAGES.map((entry) => ({ name: entry.name, run: (into) => test(entry, into) })),
  { name: "carillon", run: testServers },
  { name: "runtimes", run: testRuntimes },
];
// All, or those that are named.
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !tests.some((each) => each.name === name));
if (unknown.length > 0)
  throw new Error(`no such part: ${unknown.join(", ")}; there are ${tests.map(({ name }) => name).join(", ")}`);
let failed = 0;
for (const each of tests.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const into = await mkdtemp(join(tmpdir(), "carillon-pack-"));
  try {
    console.log(`${each.name}  ok: ${await each.run(into)}`);
  } catch (error) {
    failed++;
    console.error(`${each.name}  FAILED\n${error.message}`);
  } finally {
    await rm(into, { recursive: true, force: true });
  }
}
process.exitCode = failed === 0 ? 0 : 1;

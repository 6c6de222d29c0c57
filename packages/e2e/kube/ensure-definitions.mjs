// Prints the paths of the resource definitions of others that the chart has objects of, one a line: those of the Prometheus
// operator and of KEDA, from their Go modules.
import { execFileSync } from "node:child_process";
import { join } from "node:path";

const MODULES = [
  {
    module: "github.com/prometheus-operator/prometheus-operator@v0.85.0",
    folder: "example/prometheus-operator-crd",
    files: ["monitoring.coreos.com_podmonitors.yaml", "monitoring.coreos.com_prometheusrules.yaml"],
  },
  {
    module: "github.com/kedacore/keda/v2@v2.21.0",
    folder: "config/crd/bases",
    files: ["keda.sh_scaledobjects.yaml", "keda.sh_triggerauthentications.yaml"],
  },
];

for (const { module, folder, files } of MODULES) {
  const answer = execFileSync("go", ["mod", "download", "-json", module], {
    stdio: ["ignore", "pipe", 2],
    encoding: "utf8",
  });
  for (const file of files) process.stdout.write(`${join(JSON.parse(answer).Dir, folder, file)}\n`);
}

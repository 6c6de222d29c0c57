// Writes helm/carillon/values.schema.json out of values.yaml and the settings of Carillon.
import { readFileSync, writeFileSync } from "node:fs";
import { valuesSchema } from "./values-schema.ts";

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("Usage: write-schema CHART_FOLDER");
const schema = valuesSchema(readFileSync(`${folder}/values.yaml`, "utf8"));
writeFileSync(`${folder}/values.schema.json`, `${JSON.stringify(schema, null, 2)}\n`);

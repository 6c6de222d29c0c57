// For `node --import`: whoever imports OpenTelemetry fails. What it requires in turn needs no look.
import { register } from "node:module";

const hooks = `export async function resolve(specifier, context, next) {
  if (specifier.startsWith("@opentelemetry/")) throw new Error("OpenTelemetry is not to be loaded here");
  return next(specifier, context);
}`;

register(`data:text/javascript,${encodeURIComponent(hooks)}`);

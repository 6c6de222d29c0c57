// The stand-in for prometheus-nats-exporter as a process of its own: `node nats-exporter-process.js PORT ID,URL …`.
import { NatsExporter } from "./nats-exporter.ts";

const [port, ...servers] = process.argv.slice(2);
await NatsExporter.start({
  port: Number(port),
  servers: servers.map((text) => {
    const [id = "", monitorUrl = ""] = text.split(",");
    return { id, monitorUrl };
  }),
});

export { type Closure, ConversingClient, type Delivery, type Frame } from "./conversing-client.ts";
export { type EventuallyOptions, eventually } from "./eventually.ts";
export { FakeClock } from "./fake-clock.ts";
export { freePorts } from "./free-ports.ts";
export { HttpClient, type HttpClientOptions } from "./http-client.ts";
export { NativeClient, type NativeClientOptions } from "./native-client.ts";
export { NatsServer, type NatsServerOptions } from "./nats-server.ts";
export {
  NatsTestCertificates,
  type NatsTestCertificatesOptions,
  type TestCertificate,
} from "./nats-server-certificates.ts";
export { NatsCluster, type NatsClusterOptions } from "./nats-server-cluster.ts";
export { type Harm, NatsLinks } from "./nats-server-links.ts";
export { requestNats } from "./nats-server-request.ts";
export { PusherClient, type PusherClientOptions, type PusherFrame } from "./pusher-client.ts";
export { RoundRobinProxy } from "./round-robin-proxy.ts";
export { TcpProxy, type TcpProxyOptions } from "./tcp-proxy.ts";
export { type Behaviour, TestEndpoint, type ToldEvent, type ToldRequest } from "./test-endpoint.ts";
export { type CollectedSpan, type CollectorBehaviour, TraceCollector } from "./trace-collector.ts";

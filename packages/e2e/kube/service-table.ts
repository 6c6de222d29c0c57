import type { ApiServer } from "./api-server.ts";
import { type EndpointSliceObject, keyOf, type ServiceObject } from "./kube-objects.ts";

/** Where a service's port leads. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** Name of the pod, in a StatefulSet. */
  readonly hostname: string | null;
}

/** Services and what is behind them now. */
export class ServiceTable {
  readonly #services = new Map<string, ServiceObject>();
  readonly #slices = new Map<string, EndpointSliceObject>();
  readonly #onService: (service: ServiceObject | null, key: string) => void;

  /** `onService` is told of each service that came or changed, and with null of each that went. */
  constructor(api: ApiServer, onService: (service: ServiceObject | null, key: string) => void) {
    this.#onService = onService;
    api.watch<ServiceObject>("/api/v1/services", {
      onList: (items) => {
        for (const each of items) this.#set(each);
      },
      onChange: (type, object) => {
        if (type !== "DELETED") this.#set(object);
        else {
          this.#services.delete(keyOf(object));
          this.#onService(null, keyOf(object));
        }
      },
    });
    api.watch<EndpointSliceObject>("/apis/discovery.k8s.io/v1/endpointslices", {
      onList: (items) => {
        this.#slices.clear();
        for (const each of items) this.#slices.set(keyOf(each), each);
      },
      onChange: (type, object) => {
        if (type === "DELETED") this.#slices.delete(keyOf(object));
        else this.#slices.set(keyOf(object), object);
      },
    });
  }

  /** A service by `namespace/name`; undefined where there is none. */
  service(key: string): ServiceObject | undefined {
    return this.#services.get(key);
  }

  /** What a port of a service leads to: the ready ones, or all where the service says so. Without a port, those of all ports. */
  endpoints(key: string, portName?: string): readonly Endpoint[] {
    const withUnready = this.#services.get(key)?.spec.publishNotReadyAddresses === true;
    const found: Endpoint[] = [];
    for (const { metadata, endpoints, ports = [] } of this.#slices.values()) {
      const name = metadata.labels?.["kubernetes.io/service-name"];
      if (`${metadata.namespace}/${name}` !== key) continue;
      // The API says null where there is none.
      for (const { addresses, conditions, hostname = null } of endpoints ?? []) {
        if (conditions.ready !== true && !withUnready) continue;
        for (const { name: ofPort = "", port } of ports) {
          const address = addresses[0];
          if (address !== undefined && (portName ?? ofPort) === ofPort) found.push({ address, port, hostname });
        }
      }
    }
    return found;
  }

  #set(service: ServiceObject): void {
    this.#services.set(keyOf(service), service);
    this.#onService(service, keyOf(service));
  }
}

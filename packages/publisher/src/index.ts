export { API_ROUTES } from "./publish-routes.ts";
export { Publisher, type PublisherOptions, type PublisherSettings } from "./publisher.ts";
export { DURATION_BOUNDS_SECONDS, PublisherCounters } from "./publisher-counters.ts";

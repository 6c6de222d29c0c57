import { CarillonServer } from "@carillon/server";
import type { Channels } from "./channels";

let server: CarillonServer<Channels> | undefined;

/** Made by the first request that needs it: while the application is built, there are no secrets. */
export function carillon(): CarillonServer<Channels> {
  server ??= new CarillonServer<Channels>({
    appId: setting("CARILLON_APP_ID"),
    key: setting("CARILLON_APP_KEY"),
    secret: setting("CARILLON_APP_SECRET"),
    host: setting("CARILLON_PUBLISH_ORIGIN"),
  });
  return server;
}

/** A value of the environment. Throws an error that names the one that is missing. */
export function setting(name: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`${name} is not set: it belongs into .env, .env.local or the environment of the server`);
}

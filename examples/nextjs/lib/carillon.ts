import { CarillonServer } from "@carillon/server";
import type { Channels } from "./channels";

export const carillon = new CarillonServer<Channels>({
  appId: process.env.CARILLON_APP_ID ?? "",
  key: process.env.CARILLON_APP_KEY ?? "",
  secret: process.env.CARILLON_APP_SECRET ?? "",
  host: process.env.CARILLON_PUBLISH_ORIGIN ?? "",
});

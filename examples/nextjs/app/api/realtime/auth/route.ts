import type { NextRequest } from "next/server";
import { carillon } from "@/lib/carillon";
import { userOf } from "@/lib/session";

/** May this connection listen to this channel? 400: what? 401: who are you? 403: no. */
export async function POST(request: NextRequest) {
  const userId = userOf(request.cookies);
  if (userId === null) return new Response("sign in first", { status: 401 });
  const { channel, socketId } = (await request.json().catch(() => null)) ?? {};
  if (typeof channel !== "string" || typeof socketId !== "string" || !/^\d+\.\d+$/.test(socketId)) {
    return new Response('send {"channel":"…","socketId":"…"}', { status: 400 });
  }
  if (channel === "presence-shop") {
    const member = { id: userId, info: { name: userId } };
    return Response.json({ token: carillon().authenticateChannel(socketId, channel, member) });
  }
  if (channel !== `private-user-${userId}`) return new Response("not your channel", { status: 403 });
  return Response.json({ token: carillon().authenticateChannel(socketId, channel) });
}

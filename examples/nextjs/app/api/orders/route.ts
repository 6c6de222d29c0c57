import type { NextRequest } from "next/server";
import { carillon } from "@/lib/carillon";
import { userOf } from "@/lib/session";

export async function POST(request: NextRequest) {
  const userId = userOf(request.cookies);
  if (userId === null) return new Response("sign in first", { status: 401 });
  const { item } = (await request.json().catch(() => null)) ?? {};
  if (typeof item !== "string" || item === "") return new Response('send {"item":"…"}', { status: 400 });
  const order = { id: crypto.randomUUID(), item };
  // Here your database would keep the order. From then on it is taken, whether or not Carillon is there to tell of it.
  const channel = `private-user-${userId}` as const;
  await carillon().trigger(channel, "order.created", order, { timeoutMs: 2_000 }).catch(console.error);
  return Response.json(order, { status: 201 });
}

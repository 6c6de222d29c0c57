import { type NextRequest, NextResponse } from "next/server";
import { carillon } from "@/lib/carillon";
import { userOf } from "@/lib/session";

export const config = { matcher: ["/", "/api/realtime/token"] };

/** Gives each page a connection token on its way, which says for five minutes whose connection it is. */
export function proxy(request: NextRequest) {
  const headers = new Headers(request.headers);
  headers.delete("x-realtime-token"); // whatever the browser says
  const userId = userOf(request.cookies);
  if (userId !== null) headers.set("x-realtime-token", carillon().createToken({ userId, expiresInSeconds: 300 }));
  return NextResponse.next({ request: { headers } });
}

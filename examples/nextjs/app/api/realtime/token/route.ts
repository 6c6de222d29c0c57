/** The next connection token, for a page that stays open longer than its first one. It comes from proxy.ts. */
export function GET(request: Request) {
  const token = request.headers.get("x-realtime-token");
  if (token === null) return new Response("sign in first", { status: 401 });
  return Response.json({ token }, { headers: { "cache-control": "no-store" } });
}

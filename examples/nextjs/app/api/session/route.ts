import { cookies } from "next/headers";
import { carillon } from "@/lib/carillon";
import { SESSION_COOKIE, userOf } from "@/lib/session";

/** Signs in as the name in the form; signs out without one. */
export async function POST(request: Request) {
  const form = await request.formData().catch(() => null);
  if (form === null) return new Response("send a form with a name", { status: 400 });
  const name = String(form.get("name") ?? "").toLowerCase();
  const jar = await cookies();
  const before = userOf(jar);
  if (name === "") jar.delete(SESSION_COOKIE);
  else jar.set(SESSION_COOKIE, name, { httpOnly: true, sameSite: "lax", path: "/" });
  if (name === "" && before !== null) {
    // Whoever signs out is to hear nothing more, in no tab. Signing out works all the same while Carillon is away.
    await carillon().connections.disconnect({ user: before }, { timeoutMs: 2_000 }).catch(console.error);
  }
  return new Response(null, { status: 303, headers: { location: "/" } });
}

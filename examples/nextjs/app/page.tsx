import { cookies, headers } from "next/headers";
import { Orders } from "@/app/orders";
import { Realtime } from "@/app/realtime";
import { Visitors } from "@/app/visitors";
import { setting } from "@/lib/carillon";
import { userOf } from "@/lib/session";

export default async function Page() {
  const userId = userOf(await cookies());
  if (userId === null) {
    return (
      <form action="/api/session" method="post">
        <label>
          Your name: <input name="name" pattern="[A-Za-z0-9]{1,40}" required />
        </label>{" "}
        <button type="submit">Sign in</button>
      </form>
    );
  }
  return (
    <Realtime
      appKey={setting("CARILLON_APP_KEY")}
      host={setting("CARILLON_BROWSER_ORIGIN")}
      firstToken={(await headers()).get("x-realtime-token")}
    >
      <header>
        <h1>Orders of {userId}</h1>
        <Visitors />
        <form action="/api/session" method="post">
          <button type="submit">Sign out</button>
        </form>
      </header>
      <Orders userId={userId} />
    </Realtime>
  );
}

"use client";
import { usePresence } from "@/lib/hooks";

/** Who has the page open: each user once, whatever tabs they have. */
export function Visitors() {
  const { members, me } = usePresence<{ name: string }>("presence-shop");
  return (
    <div id="visitors">
      {members.map(({ id, info }) => (
        <span key={id} className={id === me?.id ? "avatar me" : "avatar"} title={info?.name}>
          {info?.name.slice(0, 2)}
        </span>
      ))}
    </div>
  );
}

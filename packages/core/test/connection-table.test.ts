import { ConnectionTable } from "@carillon/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createApp, TestNode } from "./support/test-node.ts";

it("ConnectionTable › knows exactly those that are there, and how many each app has", () => {
  const step = fc.record({ isOpening: fc.boolean(), which: fc.nat(), app: fc.constantFrom("1001", "1002") });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const test = new TestNode();
      const { connections } = test.services;
      const open: ReturnType<TestNode["connect"]>["session"][] = [];
      const ids = new Set<string>();
      for (const { isOpening, which, app } of steps) {
        if (isOpening) {
          const { session } = test.connect(createApp({ id: app }));
          open.push(session);
          expect(ids.has(session.connectionId)).toBe(false);
          ids.add(session.connectionId);
        } else {
          const [gone] = open.splice(which % Math.max(open.length, 1), 1);
          gone?.onClosed();
          if (gone !== undefined) expect(connections.find(gone.connectionId)).toBeUndefined();
        }
        expect(connections.size).toBe(open.length);
        expect(connections.all()).toEqual(open);
        const upTo = open[which % Math.max(open.length, 1)]?.number ?? 0;
        expect(connections.oldest(which % 5, upTo)).toEqual(
          open.filter(({ number }) => number <= upTo).slice(0, which % 5),
        );
        expect(connections.oldest(open.length, connections.lastNumber)).toEqual(open);
        for (const id of ["1001", "1002"]) {
          expect(connections.countOf(createApp({ id }))).toBe(open.filter((session) => session.app.id === id).length);
        }
        for (const session of open) expect(connections.find(session.connectionId)).toBe(session);
      }
    }),
  );
});

it("N11 › ConnectionTable › an id is two whole numbers with a dot, as Pusher's clients demand", () => {
  const table = new ConnectionTable(2 ** 48 - 1);
  expect(table.idOf(table.nextNumber())).toMatch(/^\d+\.\d+$/);
  expect(table.idOf(table.nextNumber())).toBe("281474976710655.2");
});

it("ConnectionTable › ids of other nodes, and other spellings, are nobody's", () => {
  const test = new TestNode();
  const { session } = test.connect(createApp());
  expect(session.connectionId).toBe("7.1");
  for (const id of ["", "7", "7.", ".1", "77.1", "7.2", "7.01", "7.1.0", "7.1e0", "7. 1", "7.0x1", "7.+1"]) {
    expect(test.services.connections.find(id)).toBeUndefined();
  }
});

it("ConnectionTable › closing while going through all of them reaches each one", () => {
  const test = new TestNode();
  for (let count = 0; count < 10; count++) test.connect(createApp());
  for (const session of test.services.connections.all()) session.onClosed();
  expect(test.services.connections.size).toBe(0);
});

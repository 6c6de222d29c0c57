import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Transport, TransportName } from "../src/transport.ts";
import { TransportChoice } from "../src/transport-choice.ts";

const transport = (name: TransportName): Transport => ({
  name,
  open: () => {
    throw new Error("not opened here");
  },
});
const [websocket, sse, poll] = [transport("websocket"), transport("sse"), transport("poll")];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("which transport is tried", () => {
  it("is the best one, until it has come to nothing twice, or once took too long", () => {
    const choice = new TransportChoice([websocket, sse, poll]);
    choice.failed(websocket, false);
    expect(choice.current).toBe(websocket);
    choice.failed(websocket, false);
    expect(choice.current).toBe(sse);
    choice.failed(sse, true);
    expect(choice.current).toBe(poll);
  });

  it("returns to the better one after a while, and at once when the network is another one", () => {
    const choice = new TransportChoice([websocket, sse, poll]);
    choice.failed(websocket, true);
    choice.succeeded(sse);
    expect(choice.current).toBe(sse);
    vi.advanceTimersByTime(59_000);
    expect(choice.current).toBe(sse);
    vi.advanceTimersByTime(2_000);
    expect(choice.current).toBe(websocket);
    choice.failed(websocket, true);
    expect(choice.current).toBe(sse);
    choice.forget();
    expect(choice.current).toBe(websocket);
  });

  it("is the best one again when none gets through: then it is the server that is away", () => {
    const choice = new TransportChoice([websocket, sse, poll]);
    for (const each of [websocket, sse, poll]) choice.failed(each, true);
    expect(choice.current).toBe(websocket);
  });

  it("has less time where another one may do, unless it has worked before", () => {
    const choice = new TransportChoice([websocket, poll]);
    expect(choice.timeoutMs(websocket, 10_000)).toBe(4_000);
    expect(choice.timeoutMs(poll, 10_000)).toBe(10_000);
    choice.succeeded(websocket);
    expect(choice.timeoutMs(websocket, 10_000)).toBe(10_000);
  });

  it("stays one that has worked while a gateway is away for a while, unless it takes too long or the network is another one", () => {
    const choice = new TransportChoice([websocket, sse]);
    choice.succeeded(websocket);
    for (let failures = 0; failures < 9; failures++) choice.failed(websocket, false);
    expect(choice.current).toBe(websocket);
    choice.failed(websocket, false);
    expect(choice.current).toBe(sse);
    choice.succeeded(websocket);
    expect(choice.current).toBe(websocket);
    choice.failed(websocket, true);
    expect(choice.current).toBe(sse);
    choice.succeeded(websocket);
    choice.forget();
    choice.failed(websocket, false);
    choice.failed(websocket, false);
    expect(choice.current).toBe(sse);
  });

  it("is none where there is none", () => {
    expect(new TransportChoice([]).current).toBeNull();
  });
});

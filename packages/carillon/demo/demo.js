// The demo page of `carillon dev`: the native protocol with nothing but the browser's own WebSocket and fetch.

const MAX_EVENTS = 100;
const MAX_FRAMES = 300;
const MAX_BACKOFF_MS = 10_000;

const element = (id) => document.getElementById(id);
const config = await (await fetch("/demo/config.json")).json();

const webSocketUrl = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
/** Wanted channels, and whether the server has said that they stand. */
const channels = new Map();
let socket = null;
let attempt = 0;
let hintedDelayMs = null;

function setState(state, detail = "") {
  element("state").dataset.state = state;
  element("state-text").textContent = state;
  element("connection-id").textContent = detail;
}

function connect() {
  setState("connecting");
  socket = new WebSocket(`${webSocketUrl}?key=${encodeURIComponent(config.key)}`);
  socket.onopen = () => {
    for (const channel of channels.keys()) send({ type: "subscribe", channel });
  };
  socket.onmessage = (message) => receive(message.data);
  socket.onclose = (close) => {
    for (const channel of channels.keys()) channels.set(channel, false);
    showChannels();
    if (close.code >= 4000 && close.code < 4100) {
      setState("closed", `${close.code} ${close.reason}`);
      return;
    }
    attempt += 1;
    // Full jitter: all pages of a node that went away would otherwise return in the same instant.
    const backoffMs = Math.random() * Math.min(MAX_BACKOFF_MS, 250 * 2 ** attempt);
    const delayMs = hintedDelayMs ?? backoffMs;
    hintedDelayMs = null;
    setState("reconnecting", `in ${(delayMs / 1000).toFixed(1)} s`);
    setTimeout(connect, delayMs);
  };
}

function send(frame) {
  if (socket?.readyState !== WebSocket.OPEN) return;
  const text = JSON.stringify(frame);
  socket.send(text);
  showFrame("out", text);
}

function receive(text) {
  showFrame("in", text);
  const frame = JSON.parse(text);
  switch (frame.type) {
    case undefined:
      showEvent(frame);
      break;
    case "welcome":
      attempt = 0;
      setState("connected", frame.connectionId);
      break;
    case "subscribed":
      if (channels.has(frame.channel)) channels.set(frame.channel, true);
      showChannels();
      break;
    case "reconnect":
      hintedDelayMs = frame.delayMs;
      break;
    case "error":
      if (frame.channel !== undefined) channels.delete(frame.channel);
      showChannels();
      announce(frame.message, false);
      break;
  }
}

function prepend(list, item, limit) {
  list.prepend(item);
  while (list.children.length > limit) list.lastElementChild.remove();
}

function withText(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className !== "") made.className = className;
  return made;
}

function showEvent({ channel, event, payload }) {
  element("events-empty").hidden = true;
  const item = document.createElement("li");
  item.append(
    withText("strong", event),
    " ",
    withText("span", `on ${channel}`, "channel"),
    " ",
    withText("time", new Date().toLocaleTimeString()),
    withText("code", JSON.stringify(payload)),
  );
  prepend(element("events"), item, MAX_EVENTS);
}

function showFrame(direction, text) {
  const item = document.createElement("li");
  item.className = direction;
  const arrow = withText("span", direction === "out" ? "↑" : "↓");
  arrow.setAttribute("aria-label", direction === "out" ? "sent" : "received");
  arrow.setAttribute("role", "img");
  item.append(arrow, withText("span", text));
  prepend(element("frames"), item, MAX_FRAMES);
}

function showChannels() {
  const items = [...channels].map(([channel, isStanding]) => {
    const item = withText("li", channel);
    item.dataset.standing = String(isStanding);
    const remove = withText("button", "×");
    remove.type = "button";
    remove.setAttribute("aria-label", `Unsubscribe from ${channel}`);
    remove.onclick = () => {
      channels.delete(channel);
      send({ type: "unsubscribe", channel });
      showChannels();
    };
    item.append(remove);
    return item;
  });
  element("channels").replaceChildren(...items);
}

function announce(text, isOk) {
  const output = element("publish-result");
  output.textContent = text;
  output.dataset.ok = String(isOk);
}

function publication() {
  // The payload goes out as it was typed: parsing is only to tell about a mistake before the server does.
  const payload = element("publish-payload").value;
  JSON.parse(payload);
  const channel = JSON.stringify(element("publish-channel").value);
  const event = JSON.stringify(element("publish-event").value);
  return `{"channel":${channel},"event":${event},"payload":${payload}}`;
}

element("subscribe-form").onsubmit = (submit) => {
  submit.preventDefault();
  const channel = element("subscribe-channel").value.trim();
  if (!channels.has(channel)) channels.set(channel, false);
  send({ type: "subscribe", channel });
  showChannels();
};

element("publish-form").onsubmit = async (submit) => {
  submit.preventDefault();
  try {
    const response = await fetch("/publish", {
      method: "POST",
      headers: { "content-type": "application/json", "x-publish-secret": config.publishSecret },
      body: publication(),
    });
    if (response.ok) announce(`accepted (${response.status})`, true);
    else announce((await response.json()).detail, false);
  } catch (error) {
    announce(
      error instanceof SyntaxError ? `the payload is not JSON: ${error.message}` : "the server can't be reached",
      false,
    );
  }
};

element("copy-curl").onclick = async () => {
  try {
    const body = publication().replaceAll("'", "'\\''");
    const curl = `curl -i ${location.origin}/publish -H 'content-type: application/json' -H 'x-publish-secret: ${config.publishSecret}' -d '${body}'`;
    await navigator.clipboard.writeText(curl);
    announce("copied", true);
  } catch (error) {
    announce(
      error instanceof SyntaxError ? `the payload is not JSON: ${error.message}` : "the browser did not allow it",
      false,
    );
  }
};

element("clear-frames").onclick = () => element("frames").replaceChildren();

element("snippet").textContent = `const ws = new WebSocket("${webSocketUrl}");
ws.onopen = () => ws.send(JSON.stringify({ type: "subscribe", channel: "user-42" }));
ws.onmessage = (e) => {
  const { event, payload } = JSON.parse(e.data);
  if (event === "order.created") console.log(payload);
};`;

connect();

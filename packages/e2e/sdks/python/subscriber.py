"""A client on pysher, as an application would write it: does what it is told on stdin and prints what it hears, each as one
line of JSON. It signs its own proofs.

usage: subscriber.py HOST PORT SITE VISITOR
"""

import json
import sys
import threading

import pysher

HOST, PORT, VISITOR = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[4])
printing = threading.Lock()


def say(**line):
    with printing:
        print(json.dumps(line), flush=True)


app = pysher.Pusher(
    "app-key",
    secret="app-secret",
    user_data={"user_id": VISITOR["id"], "user_info": VISITOR.get("info")},
    secure=False,
    custom_host=HOST,
    port=PORT,
    auto_sub=True,
    reconnect_interval=1,
)


def follow(channel, events):
    subscribed = app.subscribe(channel)
    for event in events:
        # pysher hands over nothing but data.
        subscribed.bind(event, lambda data, event=event: say(channel=channel, event=event, data=data))


app.connection.bind("pusher:connection_established", lambda _: say(event="connected"))
app.connection.bind("pusher:pong", lambda _: say(event="pong"))
app.connection.bind("pusher:error", lambda data: say(event="error", data=data))
app.connect()

for text in sys.stdin:
    command = json.loads(text)
    if command["do"] == "follow":
        follow(command["channel"], command["events"])
    elif command["do"] == "trigger":
        app.channel(command["channel"]).trigger(command["event"], command["data"])
    elif command["do"] == "unsubscribe":
        app.unsubscribe(command["channel"])
app.disconnect(5)

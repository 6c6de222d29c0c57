"""Does with Pusher's SDK for Python what an application does with it, and prints what came of each step as JSON.

usage: steps.py HOST PORT SOCKET_ID
"""

import json
import sys

import pusher

NAME = "python"
HOST, PORT, SOCKET_ID = sys.argv[1], int(sys.argv[2]), sys.argv[3]
results = {}


def client(secret="app-secret"):
    return pusher.Pusher(app_id="1001", key="app-key", secret=secret, ssl=False, host=HOST, port=PORT)


def step(name, act):
    try:
        results[name] = {"ok": True, "value": act()}
    except Exception as error:
        results[name] = {"ok": False, "error": "%s: %s" % (type(error).__name__, error)}


app = client()
room = "presence-" + NAME
first, second = NAME + "-a", NAME + "-b"
step("trigger", lambda: app.trigger([first, second], "one", {"from": NAME}, SOCKET_ID))
step(
    "batch",
    lambda: app.trigger_batch(
        [
            {"channel": first, "name": "two", "data": "plain text"},
            {"channel": second, "name": "three", "data": {"n": 3}},
        ]
    ),
)
step("channels", lambda: app.channels_info(room, ["user_count"]))
step("channel", lambda: app.channel_info(room, ["user_count", "subscription_count"]))
step("users", lambda: app.users_info(room))
step("sendToUser", lambda: app.send_to_user("u-" + NAME, "hello", {}))
step("terminate", lambda: app.terminate_user_connections("u-" + NAME))
step("wrongSecret", lambda: client("wrong").trigger(first, "never", {}))
step("wrongInfo", lambda: app.channels_info(None, ["user_count"]))
step("tooLarge", lambda: app.trigger(first, "never", "x" * 20000))
print(json.dumps(results))

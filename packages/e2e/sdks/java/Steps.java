import com.google.gson.Gson;
import com.google.gson.JsonParser;
import com.pusher.rest.Pusher;
import com.pusher.rest.data.Event;
import com.pusher.rest.data.Result;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Does with Pusher's SDK for Java what an application does with it, and prints what came of each step as JSON. What the SDK
 * has no method for goes through its signed get and post.
 *
 * <p>usage: Steps HOST PORT SOCKET_ID
 */
final class Steps {
  private static final String NAME = "java";
  private static final Map<String, Object> RESULTS = new LinkedHashMap<>();

  private Steps() {}

  private static Pusher client(String host, String secret) {
    Pusher client = new Pusher("1001", "app-key", secret);
    client.setHost(host);
    client.setEncrypted(false);
    return client;
  }

  private static void step(String what, Result result) {
    boolean isOk = result.getStatus() == Result.Status.SUCCESS;
    RESULTS.put(
        what,
        isOk
            ? Map.of("ok", true, "value", JsonParser.parseString(result.getMessage()))
            : Map.of("ok", false, "error", result.getStatus() + " " + result.getHttpStatus() + " " + result.getMessage()));
  }

  public static void main(String[] args) {
    String host = args[0] + ":" + args[1];
    String socketId = args[2];
    Pusher app = client(host, "app-secret");
    String room = "presence-" + NAME;
    String first = NAME + "-a";
    String second = NAME + "-b";
    String user = "u-" + NAME;

    step("trigger", app.trigger(List.of(first, second), "one", Map.of("from", NAME), socketId));
    step(
        "batch",
        app.trigger(List.of(new Event(first, "two", "plain text"), new Event(second, "three", Map.of("n", 3)))));
    step("channels", app.get("/channels", Map.of("filter_by_prefix", room, "info", "user_count")));
    step("channel", app.get("/channels/" + room, Map.of("info", "user_count,subscription_count")));
    step("users", app.get("/channels/" + room + "/users"));
    String toUser = new Gson().toJson(Map.of("name", "hello", "channel", "#server-to-user-" + user, "data", "{}"));
    step("sendToUser", app.post("/events", toUser));
    step("terminate", app.post("/users/" + user + "/terminate_connections", "{}"));
    step("wrongSecret", client(host, "wrong").trigger(first, "never", "x"));
    step("wrongInfo", app.get("/channels", Map.of("info", "user_count")));
    step("tooLarge", app.trigger(first, "never", "x".repeat(20_000)));
    System.out.println(new Gson().toJson(RESULTS));
  }
}

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.pusher.client.Pusher;
import com.pusher.client.PusherOptions;
import com.pusher.client.channel.PresenceChannelEventListener;
import com.pusher.client.channel.PrivateEncryptedChannelEventListener;
import com.pusher.client.channel.PusherEvent;
import com.pusher.client.channel.User;
import com.pusher.client.connection.ConnectionEventListener;
import com.pusher.client.connection.ConnectionState;
import com.pusher.client.connection.ConnectionStateChange;
import com.pusher.client.util.HttpChannelAuthorizer;
import com.pusher.client.util.HttpUserAuthenticator;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * A client on Pusher's library for Java and Android, as an application would write it: does what it is told on stdin and prints
 * what it hears, each as one line of JSON. Its proofs come from the application's site.
 *
 * <p>usage: Subscriber HOST PORT SITE VISITOR
 */
final class Subscriber
    implements ConnectionEventListener, PresenceChannelEventListener, PrivateEncryptedChannelEventListener {
  private static final Gson GSON = new Gson();
  private final Pusher pusher;
  /** The library subscribes twice where it is told to just as it connects, and then hears each answer twice. */
  private final Set<String> answered = ConcurrentHashMap.newKeySet();

  private Subscriber(Pusher pusher) {
    this.pusher = pusher;
  }

  public static void main(String[] args) throws IOException {
    String query = "?visitor=" + URLEncoder.encode(args[3], StandardCharsets.UTF_8);
    PusherOptions options =
        new PusherOptions()
            .setHost(args[0])
            .setWsPort(Integer.parseInt(args[1]))
            .setUseTLS(false)
            .setMaxReconnectGapInSeconds(1)
            .setChannelAuthorizer(new HttpChannelAuthorizer(args[2] + "/pusher/auth" + query))
            .setUserAuthenticator(new HttpUserAuthenticator(args[2] + "/pusher/user-auth" + query));
    Pusher pusher = new Pusher("app-key", options);
    Subscriber subscriber = new Subscriber(pusher);
    pusher.connect(subscriber, ConnectionState.ALL);
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      subscriber.obey(JsonParser.parseString(line).getAsJsonObject());
    }
    System.exit(0);
  }

  private void obey(JsonObject command) {
    String channel = command.has("channel") ? command.get("channel").getAsString() : "";
    switch (command.get("do").getAsString()) {
      case "follow":
        follow(channel);
        break;
      case "trigger":
        trigger(channel, command.get("event").getAsString(), command.get("data"));
        break;
      case "unsubscribe":
        pusher.unsubscribe(channel);
        break;
      case "signIn":
        pusher.user().bindGlobal(event -> say("user", event.getEventName(), event.getData(), null));
        pusher.signin();
        break;
      default:
        throw new IllegalArgumentException(command.toString());
    }
  }

  private void follow(String channel) {
    if (channel.startsWith("private-encrypted-")) pusher.subscribePrivateEncrypted(channel, this).bindGlobal(this);
    else if (channel.startsWith("private-")) pusher.subscribePrivate(channel, this).bindGlobal(this);
    else if (channel.startsWith("presence-")) pusher.subscribePresence(channel, this).bindGlobal(this);
    else pusher.subscribe(channel, this).bindGlobal(this);
  }

  private void trigger(String channel, String event, JsonElement data) {
    if (channel.startsWith("presence-")) pusher.getPresenceChannel(channel).trigger(event, data.toString());
    else pusher.getPrivateChannel(channel).trigger(event, data.toString());
  }

  private static synchronized void say(String channel, String event, Object data, String from) {
    JsonObject line = new JsonObject();
    if (channel != null) line.addProperty("channel", channel);
    line.addProperty("event", event);
    line.add("data", GSON.toJsonTree(data));
    if (from != null) line.addProperty("from", from);
    System.out.println(line);
  }

  @Override
  public void onConnectionStateChange(ConnectionStateChange change) {
    say(null, change.getCurrentState().toString().toLowerCase(), null, null);
  }

  @Override
  public void onError(String message, String code, Exception problem) {
    say(null, "error", code + " " + message, null);
  }

  @Override
  public void onSubscriptionSucceeded(String channel) {
    if (answered.add("subscribed to " + channel)) say(channel, "subscribed", null, null);
  }

  @Override
  public void onEvent(PusherEvent event) {
    // Told by methods of their own as well.
    if (event.getEventName().startsWith("pusher_internal:")) return;
    say(event.getChannelName(), event.getEventName(), event.getData(), event.getUserId());
  }

  @Override
  public void onAuthenticationFailure(String message, Exception problem) {
    say(null, "refused", message, null);
  }

  @Override
  public void onDecryptionFailure(String event, String reason) {
    say(null, "undecipherable", reason, null);
  }

  @Override
  public void onUsersInformationReceived(String channel, Set<User> users) {
    if (!answered.add("members of " + channel)) return;
    say(channel, "members", users.stream().map(User::getId).sorted().collect(Collectors.toList()), null);
  }

  @Override
  public void userSubscribed(String channel, User user) {
    say(channel, "added", user.getId(), null);
  }

  @Override
  public void userUnsubscribed(String channel, User user) {
    say(channel, "removed", user.getId(), null);
  }
}

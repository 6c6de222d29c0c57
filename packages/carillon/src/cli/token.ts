import { type Capabilities, CHANNEL_NAME_RULE, isChannelName, parseCapabilities } from "@carillon/protocol";
import { mintConnectionToken, signChannel } from "@carillon/service";
import { type Command, InvalidArgumentError, Option } from "commander";
import { type AppFlags, appOf, parseSeconds, withAppFlags } from "./app-flags.ts";

interface ChannelFlags {
  readonly connection: string;
  readonly channel: string;
  readonly data?: string;
}

const DEFAULT_TTL_SECONDS = 3600;

/** Adds `carillon token …`: makes tokens on the command line, for trying things and for scripts. */
export function addTokenCommand(program: Command): void {
  const token = program.command("token").description("make a token of an app, for trying things and for scripts");
  withAppFlags(token.command("connection"))
    .description("a connection token (JWT)")
    .option("--user <id>", "who the connection belongs to (sub)")
    .option(
      "--allow <pattern=verbs>",
      "a channel pattern and what is allowed on it, such as 'orders-*=subscribe,publish'; may be repeated",
      collectCapability,
      {} as Capabilities,
    )
    .option("--ttl <seconds>", "how long it is valid, in seconds", parseSeconds, DEFAULT_TTL_SECONDS)
    .action(
      async (flags: AppFlags & { readonly user?: string; readonly allow: Capabilities; readonly ttl: number }) => {
        const app = await appOf(flags);
        const { allow: capabilities, ttl: ttlSeconds, user } = flags;
        const jwt = await mintConnectionToken(app, {
          capabilities,
          ttlSeconds,
          ...(user === undefined ? {} : { sub: user }),
        });
        process.stdout.write(`${jwt}\n`);
      },
    );
  withAppFlags(token.command("channel"))
    .description("a channel token (HMAC) for one connection")
    .requiredOption("--connection <id>", "the connection id from the welcome")
    .addOption(new Option("--channel <name>", "the channel").makeOptionMandatory().argParser(parseChannel))
    .option("--data <text>", "what else to vouch for, exactly as it will be sent")
    .action(async (flags: AppFlags & ChannelFlags) => {
      const app = await appOf(flags);
      process.stdout.write(`${signChannel(app, channelToSign(flags))}\n`);
    });
}

function channelToSign({ connection, channel, data }: ChannelFlags) {
  return { connectionId: connection, channel, ...(data === undefined ? {} : { data }) };
}

function collectCapability(text: string, before: Capabilities): Capabilities {
  const [pattern = "", verbs = ""] = text.split("=", 2);
  const parsed = parseCapabilities({ ...before, [pattern]: verbs.split(",") });
  if (pattern !== "" && parsed !== null) return parsed;
  throw new InvalidArgumentError("write PATTERN=VERB,VERB with the verbs subscribe, publish, presence and history.");
}

function parseChannel(text: string): string {
  if (isChannelName(text)) return text;
  throw new InvalidArgumentError(`${CHANNEL_NAME_RULE}.`);
}

/**
 * A process of its own that plays the browsers and, where asked to, the application that publishes. Started by the bench with
 * an IPC channel; carries out one command after the other and answers each.
 */
import { cpuTimeBetween, readCpuTime } from "../process-usage.ts";
import { percentile } from "../statistics.ts";
import { ChannelCrowd } from "./channel-crowd.ts";
import { FollowerPool } from "./follower-pool.ts";
import type {
  GeneratorAnswer,
  GeneratorCommand,
  GeneratorReply,
  LoadCommand,
  LoadReply,
  PublishCommand,
} from "./messages.ts";
import { NumberedWriter } from "./numbered-writer.ts";
import { PublishLoad } from "./publish-load.ts";
import { RecoveryProbes } from "./recovery-probes.ts";
import { SubscriberPool } from "./subscriber-pool.ts";
import { until } from "./until.ts";

const EXPECT_DEADLINE_MS = 10_000;

// Keeps the source addresses of several generators apart.
const block = Number(process.argv[2] ?? "0");
const pool = new SubscriberPool(block);
const followers = new FollowerPool(block);
const crowd = new ChannelCrowd(block);
let writer: NumberedWriter | null = null;

const probes = new RecoveryProbes();

process.on("message", (message) => {
  // The other end is our own bench, built from the same sources.
  const command = message as GeneratorCommand;
  carryOut(command).then(
    (reply) => answer({ ok: true, reply }),
    (error: unknown) => answer({ ok: false, message: String(error) }),
  );
});
process.once("disconnect", () => {
  pool.drop();
  probes.drop();
  followers.drop();
  crowd.drop();
  // The sockets are reset in the next turn of the loop.
  setImmediate(() => process.exit(0));
});

function answer(content: GeneratorAnswer): void {
  process.send?.(content);
}

async function carryOut(command: GeneratorCommand): Promise<GeneratorReply> {
  switch (command.command) {
    case "connect":
      return await pool.connect(command.target, command.channels, command);
    case "subscribe-own":
      return await pool.subscribeOwn(command);
    case "crowd":
      return { problems: await crowd.connect(command) };
    case "crowd-channels":
      return { problems: await crowd.change(command) };
    case "drop":
      pool.drop();
      probes.drop();
      crowd.drop();
      return { problems: [...pool.takeProblems(), ...crowd.takeProblems()] };
    case "load":
      return await load(command);
    case "publish":
      return await publish(command);
    case "expect":
      return { problems: await expectEach(command.perSubscriber) };
    case "recover":
      return await probes.recover(command);
    case "follow":
      return await followers.connect(command);
    case "come-back":
      return await followers.comeBack(command.withinMs);
    case "follow-end":
      return await followers.end(command.last);
    case "write":
      writer = new NumberedWriter(command.target, command.perSecond);
      return { problems: [] };
    case "write-end":
      return (await writer?.end()) ?? { published: 0, refused: 0, seconds: 0 };
    default:
      return command satisfies never;
  }
}

async function load(command: LoadCommand): Promise<LoadReply> {
  const publisher = new PublishLoad({ pool, ...command });
  const receivedBefore = new Map(pool.indexes().map((index) => [index, pool.received(index)]));
  await publisher.run(command.warmUpMs);
  pool.takeLatencies();
  publisher.takeAnswerTimes();
  const reads = pool.reads;
  const cpuBefore = command.pids.map(readCpuTime);
  const generatorBefore = process.cpuUsage();
  const began = performance.now();
  const stretch = await publisher.run(command.measureMs);
  const seconds = (performance.now() - began) / 1000;
  const generatorCpu = process.cpuUsage(generatorBefore);
  const cpu = command.pids.map((pid, at) =>
    cpuTimeBetween(cpuBefore[at] ?? { userMs: 0, systemMs: 0 }, readCpuTime(pid)),
  );
  const latencies = pool.takeLatencies();
  const answers = publisher.takeAnswerTimes();
  const problems = [...pool.takeProblems(), ...publisher.problems(receivedBefore)];
  publisher.close();
  return {
    seconds,
    published: stretch.published,
    expected: stretch.expected,
    delivered: stretch.delivered,
    deliveriesPerRead: stretch.delivered / (pool.reads - reads),
    cpu,
    generatorCpuMs: (generatorCpu.user + generatorCpu.system) / 1000,
    latencyP50Ms: percentile(latencies, 0.5) / 1000,
    latencyP99Ms: percentile(latencies, 0.99) / 1000,
    answerP50Ms: percentile(answers, 0.5) / 1000,
    answerP99Ms: percentile(answers, 0.99) / 1000,
    problems,
  };
}

/** Publishes `count` times, without looking at deliveries: those may go to other generators too. */
async function publish(command: PublishCommand): Promise<{ problems: string[] }> {
  const perSecond = 10;
  const shape = { kind: "paced", perSecond } as const;
  const publisher = new PublishLoad({ pool, target: command.target, channels: "shared", shape });
  const stretch = await publisher.run((command.count * 1000) / perSecond);
  publisher.close();
  return { problems: stretch.refused === 0 ? [] : [`${stretch.refused} publishes were refused`] };
}

async function expectEach(perSubscriber: number): Promise<string[]> {
  const wrong = (): number[] => pool.indexes().filter((index) => pool.received(index) !== perSubscriber);
  const isRight = await until(() => wrong().length === 0, EXPECT_DEADLINE_MS);
  const problems = pool.takeProblems();
  if (!isRight) problems.push(`${wrong().length} subscribers did not get exactly ${perSubscriber} deliveries`);
  return problems;
}

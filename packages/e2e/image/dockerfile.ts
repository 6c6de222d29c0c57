import { type Copy, DockerfileParser, type From, type Instruction, type JSONInstruction } from "dockerfile-ast";

/** One instruction, with what matters of it read. Words of shell commands stay as they are written. */
export type Step =
  | { readonly kind: "run"; readonly command: string; readonly caches: readonly string[] }
  /** `from` is another stage's name; null: the build context. */
  | { readonly kind: "copy"; readonly from: string | null; readonly sources: readonly string[]; readonly to: string }
  | { readonly kind: "arg"; readonly name: string; readonly value: string | null }
  | { readonly kind: "env"; readonly name: string; readonly value: string }
  | { readonly kind: "label"; readonly name: string; readonly value: string }
  | { readonly kind: "workdir" | "user"; readonly value: string }
  | { readonly kind: "entrypoint" | "command"; readonly words: readonly string[] }
  | { readonly kind: "expose"; readonly ports: readonly string[] };

/** A stage: what it begins with, and what is done to that. */
export interface Stage {
  /** Empty for one without a name. */
  readonly name: string;
  readonly image: string;
  readonly steps: readonly Step[];
}

/** Reads a Dockerfile. Throws for instructions that nothing here can perform: they have to be added on both sides. */
export function readDockerfile(text: string): Stage[] {
  const file = DockerfileParser.parse(text);
  const defaults = new Map(
    file.getInitialARGs().map((each) => [each.getProperty()?.getName(), each.getProperty()?.getValue()]),
  );
  const stages: { name: string; image: string; steps: Step[] }[] = [];
  for (const instruction of file.getInstructions()) {
    if (instruction.getKeyword() === "FROM") {
      const from = instruction as From;
      const image = expand(from.getImage() ?? "", (name) => defaults.get(name) ?? "");
      stages.push({ name: from.getBuildStage() ?? "", image, steps: [] });
    } else {
      stages.at(-1)?.steps.push(...stepsOf(instruction));
    }
  }
  return stages;
}

/** Puts values in the place of `$NAME` and `${NAME}`. */
export function expand(text: string, lookUp: (name: string) => string): string {
  return text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced?: string, bare?: string) => lookUp(braced ?? bare ?? ""));
}

interface Property {
  getName(): string;
  getValue(): string | null;
}

function stepsOf(instruction: Instruction): Step[] {
  const words = () => instruction.getArguments().map((each) => each.getValue());
  const properties = () => (instruction as unknown as { getProperties(): Property[] }).getProperties();
  switch (instruction.getKeyword()) {
    case "RUN":
      return [runStep(instruction as JSONInstruction)];
    case "COPY":
      return [copyStep(instruction as Copy)];
    case "ARG":
      return properties().map((each) => ({ kind: "arg", name: each.getName(), value: each.getValue() }));
    case "ENV":
      return properties().map((each) => ({ kind: "env", name: each.getName(), value: each.getValue() ?? "" }));
    case "LABEL":
      return properties().map((each) => ({ kind: "label", name: each.getName(), value: each.getValue() ?? "" }));
    case "WORKDIR":
      return [{ kind: "workdir", value: words()[0] ?? "" }];
    case "USER":
      return [{ kind: "user", value: words()[0] ?? "" }];
    case "ENTRYPOINT":
      return [{ kind: "entrypoint", words: wordsOf(instruction) }];
    case "CMD":
      return [{ kind: "command", words: wordsOf(instruction) }];
    case "EXPOSE":
      return [{ kind: "expose", ports: words() }];
    default:
      throw new Error(`${instruction.getKeyword()} can't be performed here: teach packages/e2e/image what it does`);
  }
}

function runStep(instruction: JSONInstruction): Step {
  const caches = instruction.getFlags().map((flag) => {
    const options = new Map((flag.getValue() ?? "").split(",").map((each) => each.split("=") as [string, string]));
    const target = options.get("target");
    if (flag.getName() !== "mount" || options.get("type") !== "cache" || target === undefined)
      throw new Error(`only cache mounts can be performed here, and not --${flag.getName()}=${flag.getValue()}`);
    return target;
  });
  return {
    kind: "run",
    command: instruction
      .getArguments()
      .map((each) => each.getValue())
      .join(" "),
    caches,
  };
}

function copyStep(instruction: Copy): Step {
  const words = instruction.getArguments().map((each) => each.getValue());
  const to = words.pop() ?? "";
  return { kind: "copy", from: instruction.getFromFlag()?.getValue() ?? null, sources: words, to };
}

/** Only the form with a list: the other one starts a shell, which would be process 1 and hear the signals instead. */
function wordsOf(instruction: Instruction): string[] {
  const strings = (instruction as JSONInstruction).getJSONStrings().map((each) => each.getJSONValue());
  if (strings.length === 0) throw new Error(`${instruction.getKeyword()} has to be a list of strings`);
  return strings;
}
